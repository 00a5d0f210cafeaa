// A click on a head sorts its table, first the highest on top.
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const head = button.parentElement, body = head.closest("table").tBodies[0];
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => row.children[head.cellIndex].dataset.key;
  const order = (a, b) => isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
  const rows = [...body.rows].sort((a, b) => order(key(a), key(b)));
  body.append(...(down ? rows.reverse() : rows));
}));

// Words typed above a table hide the rows without them.
document.querySelectorAll(".filter input").forEach(input => input.addEventListener("input", () => {
  const part = input.closest(".filter"), rows = [...part.nextElementSibling.querySelector("tbody").rows];
  const words = input.value.toLowerCase().split(" ").filter(word => word);
  for (const row of rows) row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
  part.querySelector("output").textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} rows`;
}));
