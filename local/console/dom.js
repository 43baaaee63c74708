/** Small helpers for the page. Whatever comes from the API becomes text, never markup. */

/** Make an element. Attributes that are null or false are left out; `text` is its text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) continue;
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Put a template of the page into `main`, and return its slots by name. */
export function show(template) {
  const content = document.getElementById(template).content.cloneNode(true);
  const slots = slotsOf(content);
  document.getElementById("main").replaceChildren(content);
  return slots;
}

/** The elements with `data-slot` below a node, by name. */
export function slotsOf(node) {
  return Object.fromEntries([...node.querySelectorAll("[data-slot]")].map((slot) => [slot.dataset.slot, slot]));
}

/** Write a text if it is another one, so that what a screen reader or a selection holds stays as it is. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show a problem in its place, or hide the place if there is none. */
export function problem(place, text) {
  place.hidden = !text;
  write(place, text ?? "");
}

/** Say something to screen readers. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** A status with its colour, which is not all that tells it. */
export function chip(status) {
  return element("span", { class: "chip", "data-status": status, text: status });
}

/** Replace the children of a node if what they show is new. `key` tells two contents apart. */
export function fill(node, key, children) {
  const stamp = JSON.stringify(key);
  if (node.dataset.stamp === stamp) return;
  node.dataset.stamp = stamp;
  node.replaceChildren(...children());
}
