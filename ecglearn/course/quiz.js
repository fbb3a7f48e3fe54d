// Puts the answers of each question under its text. `Question` and what judges an answer are
// jupyterquiz's; the rest is for those who use a keyboard, a screen reader or a phone.
const draw = (root, questions) => {
  [...root.querySelectorAll("ol > li")].forEach((item, k) => {
    const id = `${root.id.replaceAll("-", "_")}_${k + 1}`; // its ids end at a "-"
    const options = { shuffleAnswers: false, preserveResponses: false, maxWidth: 0 };
    Question.create(questions[k], id, k, options, item);
    const wrapper = item.querySelector(".Quiz");
    wrapper.removeAttribute("style");
    wrapper.querySelector(".Feedback").setAttribute("role", "status");
    const answers = wrapper.querySelector(".Answer");
    answers.setAttribute("role", "radiogroup");
    answers.setAttribute("aria-labelledby", item.querySelector("p").id);
    for (const radio of answers.querySelectorAll("input[type=radio]")) radio.className = "";
    const field = answers.querySelector("input[type=text]");
    if (field) number(answers, field);
  });
};

// A field with a name, a button for phones without Enter; typed and pasted text stays.
const number = (answers, field) => {
  answers.removeAttribute("role");
  answers.removeAttribute("aria-labelledby");
  const label = answers.querySelector("label");
  label.textContent = "Your number:";
  label.htmlFor = field.id;
  field.setAttribute("aria-describedby", answers.closest("li").querySelector("p").id);
  field.autocomplete = "off";
  field.inputMode = "decimal";
  field.onpaste = null;
  answers.addEventListener("focus", (event) => event.stopPropagation(), true);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Check";
  button.onclick = () => {
    field.value = field.value.trim().replace(",", ".");
    if (field.value) check_numeric(field, { keyCode: 13 });
  };
  field.onkeypress = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    button.click();
  };
  answers.append(button);
};

// A notebook may run the script before it hangs the output into the page.
const start = (id, questions) => {
  const root = document.getElementById(id);
  if (!root) setTimeout(() => start(id, questions), 100);
  else if (!root.dataset.drawn) {
    root.dataset.drawn = "true";
    draw(root, questions);
  }
};
