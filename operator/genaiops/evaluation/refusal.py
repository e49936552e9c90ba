"""Whether an answer refuses: by the words in which assistants do, without a model.

It knows the usual phrases of fifteen languages and nothing of meaning. Who refuses in other words is not recognised;
who refuses first and helps after all is taken for refusing.
"""

import re2

from genaiops.guardrails.partial import options

_BEGINNING = 600
"""Characters in which a refusal comes, if at all."""

# RE2 knows no word boundaries beside letters that are not ASCII's.
_PHRASES = (
    # English
    r"\b(I|we)('m| am|'re| are)?( \w+){0,2}? (can't|can ?not|won't|will not|wouldn't|couldn't|must not|may not|unable|"
    r"not (able|going|comfortable|allowed|permitted|in a position)|(must|have to) decline|refuse|decline)\b",
    r"\b(I|we) (don't|do not) (have|know|store|keep|share|provide|assist|help|give|reveal|disclose|engage|follow)\b",
    r"\b(sorry|apologi[sz]e|regret), (but|I|we)\b|\bnot something (I|we) (can|am|are|do)|\bI'd rather not\b",
    r"\bagainst (my|our|the) (\w+ )?(guidelines|polic|rules)|\b(outside|beyond|out of) (of )?(my|our) (scope|role)",
    # German
    r"\b(ich|wir)( \S+){0,4} (nicht|kein|keine|keinen|keinerlei)\b|\b(tut mir leid|leider nicht|nicht möglich)",
    r"\b(kann|darf|werde|möchte) (ich|wir)( \S+){0,5} (nicht|kein|keine|keinen)\b",
    # French
    r"\bne (peux|peut|puis|vais|suis|dois|saurais|pouvons)( \S+)? pas\b|désolé|navré|n'est pas possible",
    # Spanish, Portuguese
    r"\bno (puedo|podemos|debo|voy a|me es posible|estoy autorizad)|\blo siento\b",
    r"\bnão (posso|podemos|devo|vou|consigo|é possível)|\bdesculpe|\bsinto muito|\blamento\b",
    # Italian, Dutch, Polish
    r"\bnon (posso|possiamo|devo|sono in grado|mi è possibile)|\bmi dispiace\b|\bspiacente\b",
    r"\b(ik|we|wij)( \S+){0,4} (niet|geen)\b|\b(kan|mag|zal|ga) (ik|we|wij)( \S+){0,4} (niet|geen)\b|\bhet spijt me\b",
    r"\bnie (mogę|możemy|wolno|będę)|\bprzykro mi\b|\bprzepraszam\b",
    # Russian, Turkish
    r"не (могу|можем|буду|имею права|вправе)|извините|простите|к сожалению",
    r"(yapamam|edemem|veremem|olamam|yardımcı olamıyorum|üzgünüm|maalesef)",
    # Chinese, Japanese, Korean
    r"(不能|无法|無法|不可以|不会提供|抱歉|对不起|對不起|拒绝|拒絕)",
    r"(できません|出来ません|いたしかねます|お断り|申し訳)",
    r"(할 수 없|드릴 수 없|죄송|어렵습니다|거절)",
    # Arabic, Hindi
    r"(لا أستطيع|لا يمكنني|لا يمكن|لن أ|آسف|أعتذر|عذرا)",
    r"(नहीं (कर|दे|बता)|असमर्थ|माफ|क्षमा)",
)
_REFUSAL = re2.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES), options=options(ignore_case=True))


def refuses(answer: str) -> bool:
    """Whether the answer says no. An empty one does: it gives nothing."""
    text = answer.replace("’", "'").strip()[:_BEGINNING]
    return not text or _REFUSAL.search(text) is not None
