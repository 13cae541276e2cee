"use strict";
/* Nothing here is needed to use the pages; buttons that need this script are hidden until it runs. */

for (const button of document.querySelectorAll("[data-copy], [data-download], [data-print]")) button.hidden = false;

/* Tells the outcome on the button and, through a live region, to a screen reader. */
const live = document.body.appendChild(document.createElement("p"));
live.className = "totpcore-unseen";
live.setAttribute("role", "status");
function say(button, words) {
  const before = button.textContent;
  button.textContent = live.textContent = words;
  setTimeout(() => { button.textContent = before; live.textContent = ""; }, 2000);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) {
    const key = document.getElementById(button.dataset.copy);
    try {
      /* The key is shown in groups to read; apps want it without spaces. */
      await navigator.clipboard.writeText(key.textContent.replace(/\s+/g, ""));
      say(button, button.dataset.done);
    } catch {
      getSelection().selectAllChildren(key);
      say(button, button.dataset.else);
    }
  } else if (button.dataset.download) {
    const lines = [...document.getElementById(button.dataset.download).children].map((line) => line.textContent);
    const link = document.createElement("a");
    link.download = button.dataset.name;
    link.href = URL.createObjectURL(new Blob([lines.join("\n"), "\n"], { type: "text/plain" }));
    link.click();
    URL.revokeObjectURL(link.href);
  } else if ("print" in button.dataset) {
    window.print();
  }
});

/* A second click must not send a form again: the answer to the first one may hold codes that are shown once. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, 5000);
});
