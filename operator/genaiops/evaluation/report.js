"use strict";
(() => {
  const rows = [...document.querySelectorAll("article")];
  const evaluator = document.getElementById("evaluator");
  const tag = document.getElementById("tag");
  const shown = document.getElementById("shown");
  const filter = () => {
    let count = 0;
    for (const row of rows) {
      const failed = JSON.parse(row.dataset.failed), tags = JSON.parse(row.dataset.tags);
      const byEvaluator = evaluator.value === "" || (evaluator.value === "*" ? failed.length > 0
        : failed.includes(evaluator.value.slice(1)));
      const byTag = tag.value === "" || tags.includes(tag.value.slice(1));
      row.hidden = !(byEvaluator && byTag);
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} shown`;
  };
  evaluator.addEventListener("change", filter);
  tag.addEventListener("change", filter);
  filter();
})();
