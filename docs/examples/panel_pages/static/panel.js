"use strict";
/* Nothing here is needed to use the panel; buttons that need this script are hidden until it runs. */

for (const button of document.querySelectorAll("[data-copy], [data-download], [data-print]")) button.hidden = false;

const shown = (id) => document.getElementById(id);

/* Tells the outcome on the button and, through a live region, to a screen reader. */
const live = document.body.appendChild(document.createElement("p"));
live.className = "unseen";
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
    /* The key is shown in groups to read; apps want it without spaces. */
    const copied = shown(button.dataset.copy).textContent.replace(/\s+/g, "");
    try {
      await navigator.clipboard.writeText(copied);
      say(button, "Copied");
    } catch {
      getSelection().selectAllChildren(shown(button.dataset.copy));
      say(button, "Selected: copy it");
    }
  } else if (button.dataset.download) {
    const lines = [...shown(button.dataset.download).children].map((line) => line.textContent);
    const link = document.createElement("a");
    link.download = "example-panel-recovery-codes.txt";
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
