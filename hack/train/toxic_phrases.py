"""Toxic sentences and harmless ones of the same words, as alternatives (see grammar.py).

{word} is filled in with foul words from a package's list while training; none stands here that says more than it must.
"""

PHRASES = {
    "you": "(you|you people|all of you|your kind|he|she|they|my boss|this guy|that woman|your family|the author)",
    "are": "(are|is|will always be|have always been|are nothing but|are such|are obviously|really are|must be)",
    "insult": "(an idiot|a moron|stupid|pathetic|worthless|a loser|disgusting|a waste of space|scum|trash|garbage|a clown|"
    "brain-dead|a failure|ugly|a liar and a cheat|dumb as a brick|an imbecile|a parasite|a dirty rat|a pig|a retard|a freak|"
    "too stupid to live|a piece of filth|a useless fool|braindead trash|a joke of a human|a coward|vermin|a whiny brat)",
    "threat": "(i will kill you|i'm going to hurt you|i will find you and beat you|you will pay with your life|i'll burn your "
    "house down|i know where you live, watch your back|someone should shoot you|you deserve to be beaten|i'd love to see "
    "you bleed|i will break your legs|you'd better be afraid of what i will do to you|i'll make you suffer|you should be "
    "hanged|i'm coming for you with a knife|hope you get stabbed|i will slit your throat|we will come and smash your face)",
    "die": "(go kill yourself|kill yourself|nobody would miss you, just die|go die|do the world a favour and end it|drop dead|"
    "i hope you die|jump off a bridge|rot in hell|you should never have been born|the world is better without you|"
    "choke on it and die|i hope you get cancer)",
    "group": "(women|men|immigrants|foreigners|muslims|jews|christians|gays|trans people|black people|white people|asians|"
    "disabled people|refugees|the poor|old people|gypsies|mexicans|arabs|lesbians|homeless people|indians|africans)",
    "hate": "(are vermin|should be deported|don't deserve to live|are all criminals|are subhuman|are a disease|ruin this "
    "country|must be wiped out|are inferior|should be locked up|are animals|belong in the kitchen|can't be trusted, none of "
    "them|are filthy|should be exterminated|make me sick|are too stupid to vote|have no place among us|are parasites)",
    "shut": "(shut up|shut your mouth|get lost|go to hell|leave me alone you creep|nobody asked you|stop talking you fool|"
    "get out of here you freak|eat dirt|bite me|keep your stupid mouth shut|crawl back into your hole)",
    "crude": "(i want to see you naked|show me your body, slut|send me pictures without clothes or else|i'd do you so hard|"
    "you look like a cheap whore|get on your knees for me|nice body, i would use it all night)",
    "tail": "(!|.|!!!| lol.|, do you hear me?| and everyone knows it.|, admit it.| haha.|)",
    "name": "(emma|james|sarah|dr lee|team|mr brown|anna|all|mum|everyone)",
    "ask": "(would you be free for lunch next week|could you send me the report|are you up for a walk on sunday|will you come to "
    "the party|can you look at page two|do you have time for a call|have you seen my keys|what do you think of the plan|"
    "shall we meet at the station|did you get the tickets|do you want me to book a table|may i ask you for advice)",
    "kind": "(i hope you are well|thank you so much|it was great to see you|let me know what you think|i can't wait to hear from "
    "you|you did a wonderful job|have a nice weekend|see you on saturday|take care of yourself|i would love for you to come|"
    "just a reminder about the meeting|you should try the new place|you must be tired|you will love it|sorry for the delay)",
    "praise": "(a great team|a genius|very kind|right about this|a good teacher|patient|the best customer|new here|late|busy|a "
    "careful driver|proud of the result|friends|welcome|responsible for the budget|tired today|an engineer|from Ghana|"
    "unhappy with the service|wrong in this case|a fast learner|allergic to nuts|not at home|a famous author)",
    "complaint": "(the service was terrible|this product is bad|i am very angry about the delay|your app crashes all the time|"
    "i hate waiting in line|the soup was disgusting|what a disappointing film|this is the worst update so far|the hotel "
    "room was dirty|i want my money back|that was a stupid mistake of mine|the idea is bad, in my opinion|the argument is "
    "weak|your answer is wrong|i disagree with you completely|the code is ugly and slow|the battery dies after an hour)",
    "technical": "(kill the process|how do i kill a zombie process|the child process was killed|execute the script|abort the "
    "transaction|shoot me an email|the master branch and its slaves|attack surface of the api|blow up the picture|the server "
    "died|dump the core|strip the binary|hit the endpoint|fire the event|bomb calorimeter|penetration test of the network|"
    "dead letter queue|head of the list|kick off the build|terminate the parent|hang of the main thread|sniff the packets)",
    "medical": "(breast cancer screening|sexual health clinic|signs of a stroke|suicide prevention hotline|how is an anal fissure "
    "treated|blood in the stool|side effects of the pill|erectile dysfunction|pregnancy test|vaginal infection|hiv testing|"
    "he was killed in an accident|how to talk about death with children|symptoms of depression|the victim was stabbed, "
    "police said|a history of the holocaust|sex education in schools|a rape crisis centre|domestic violence support)",
    "society": "(have the right to vote|face discrimination at work|were interviewed for the study|celebrate a holiday today|are "
    "welcome in our shop|earn less on average|need better support|live in this district|serve in the army|founded the club|"
    "make up a third of the staff|were persecuted in the war|share their stories|run the restaurant next door)",
}  # fmt: skip
TOXIC = (
    "{you} {are} {insult}{tail}",
    "{insult} . that is what {you} {are}{tail}",
    "{threat}{tail}",
    "{die}{tail}",
    "{group} {hate}{tail}",
    "(i hate|i can't stand|ban|get rid of) {group} , they {hate}{tail}",
    "{shut} , {you} {are} {insult}{tail}",
    "{shut}{tail}",
    "{crude}{tail}",
    "(what|who) (kind of|) {insult} (wrote|made|said) this{tail}",
    "you {word}{tail}",
    "{you} {are} a {word}{tail}",
    "{word} you{tail}",
    "{word} off{tail}",
    "this is (so|a|) {word} (stupid|boring|bad|ridiculous|){tail}",
    "what the {word} (is this|do you want|are you doing){tail}",
    "{shut} you {word}{tail}",
    "(stupid|fat|old|dirty|lazy|ugly) {word}{tail}",
    "{group} are {word}{tail}",
)
HARMLESS = (
    "{you} {are} {praise} (.|!|)",
    "{complaint} (.|!|)",
    "(hi|hello|dear|hey) {name} , {kind} . {ask} ?",
    "{ask} ? {kind} (.|!)",
    "{kind} , {name} (.|!)",
    "{kind} . {kind} (.|!)",
    "(you|he|she|they) (said|wrote|made|did|told me|asked) (that|this) (yesterday|last week|in the meeting|) , {kind} .",
    "(what|who) (kind of|) (teacher|form|cable|person|editor) (wrote|made|said|needs) this (?|.)",
    "what the (manual|report|doctor|label|teacher|law) (is about|says|means|does) (?|.|)",
    "this is (so|a|) (kind|boring|good|new|long|late|nice|hard to read) (book|idea|day|) (.|!|)",
    "{technical} (.|?|)",
    "{medical} (.|?|)",
    "{group} {society} .",
    "(the article says that|why do|it is wrong to say that|we interviewed|a report on how) {group} {society} (.|?)",
    "{complaint} , but (thank you for your help|i understand|please do better|the staff was kind) .",
    "(please|could you|let us|how do i) (be quiet|close the window|stop the engine|leave the room|end the call|kill the "
    "engine|cut the rope|beat the eggs|shoot the photo|burn the cd) (now|please|before noon|) (.|?)",
    "(i am|we are|she is) (so stupid, i forgot my key|dying to see the film|dead tired|killing time at the airport|crazy about "
    "cats|sick of the rain|starving, when is lunch) .",
)
