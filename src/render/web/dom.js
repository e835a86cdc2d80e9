// Making elements. Text goes in as text, never as markup.

/** @param {string} name "button.link" @param {Record<string, any>} [attributes] @param {...(Node|string)} children */
export function element(name, attributes = {}, ...children) {
    const [tag, ...classes] = name.split(".");
    const made = document.createElement(tag);
    if (classes.length)
        made.className = classes.join(" ");
    for (const [key, value] of Object.entries(attributes))
        if (key.startsWith("on"))
            made.addEventListener(key.slice(2), value);
        else if (value !== undefined && value !== null && value !== false)
            made.setAttribute(key, value === true ? "" : value);
    made.append(...children);
    return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes))
        made.setAttribute(key, value);
    made.append(...children);
    return made;
}

export const by_id = (id) => document.getElementById(id);

/** Children in this order. Nothing moves if they already are, and focus stays where it was. */
export function keep_children(root, wanted) {
    const now = root.children;
    if (now.length === wanted.length && wanted.every((child, i) => now[i] === child))
        return;
    const focus = document.activeElement;
    root.replaceChildren(...wanted);
    if (focus && root.contains(focus) && document.activeElement !== focus)
        focus.focus({ preventScroll: true });
}

/** At most once a frame, however often it is asked for. */
export function once_a_frame(work) {
    let waiting = false;
    return () => {
        if (waiting)
            return;
        waiting = true;
        requestAnimationFrame(() => {
            waiting = false;
            work();
        });
    };
}

/** A row of buttons of which one is pressed. Returns a function that presses the one with a value. */
export function choices(root, pick) {
    const buttons = [...root.querySelectorAll("button[value]")];
    for (const button of buttons)
        button.addEventListener("click", () => pick(button.value));
    return (value) => {
        for (const button of buttons)
            button.setAttribute("aria-pressed", String(button.value === value));
    };
}
