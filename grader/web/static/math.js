// Shows formulas with KaTeX: the renderer leaves their source as text in elements of class "math". A formula that KaTeX
// cannot read stays as its author typed it. Without `trust` no formula makes links, images or attributes.
"use strict";

function showFormulas() {
  for (const element of document.querySelectorAll(".math:not([data-shown])")) {
    const source = element.textContent;
    const displayMode = element.classList.contains("math-block");
    element.dataset.shown = "";
    try {
      katex.render(source, element, { displayMode, trust: false, strict: false, maxSize: 50, maxExpand: 200 });
    } catch (error) {
      element.textContent = source;
      if (!(error instanceof katex.ParseError)) throw error;
    }
  }
}

showFormulas();
document.addEventListener("htmx:after:swap", showFormulas);
