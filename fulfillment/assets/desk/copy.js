/* A button beside every text that is there to be copied. */
"use strict";

for (const input of document.querySelectorAll("input[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "desk-button copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    input.select();
    let done = true;
    try {
      await navigator.clipboard.writeText(input.value);
    } catch {
      // Browsers lend the clipboard to pages reached by https only; the older way works in all.
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 3000);
  });
  // Not inside a label: a click on the button is no click on the input.
  (input.closest("label") ?? input).after(button);
}
