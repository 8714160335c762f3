/**
 * Changes `current` into `next` by as little as possible, so that focus, selection, scrolling and opened details stay.
 * Children with a `data-key` are matched by it; new ones, and `data-flash` elements whose text changes, light up.
 */
export function bringUpToDate(current: Element, next: Element): void {
  if (current.isEqualNode(next)) return;
  if (current instanceof HTMLElement && current.dataset['flash'] !== undefined) {
    if (current.textContent !== next.textContent) lightUp(current);
  }
  takeAttributes(current, next);
  const byKey = new Map(
    [...current.children].flatMap((child) => {
      const key = keyOf(child);
      return key === null ? [] : [[key, child] as const];
    }),
  );
  let place = current.firstChild;
  for (const wanted of next.childNodes) {
    const match = matchFor(wanted, place, byKey);
    if (match === null) {
      const added = document.importNode(wanted, true);
      current.insertBefore(added, place);
      if (added instanceof HTMLElement && keyOf(added) !== null) lightUp(added);
      continue;
    }
    if (match === place) place = place.nextSibling;
    else current.insertBefore(match, place);
    if (match instanceof Element && wanted instanceof Element) bringUpToDate(match, wanted);
    else if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
  }
  while (place !== null) {
    const rest: ChildNode = place;
    place = rest.nextSibling;
    rest.remove();
  }
}

function matchFor(wanted: Node, place: ChildNode | null, byKey: Map<string, Element>): ChildNode | null {
  const key = wanted instanceof Element ? keyOf(wanted) : null;
  if (key !== null) return byKey.get(key) ?? null;
  if (place === null || place.nodeName !== wanted.nodeName) return null;
  return place instanceof Element && keyOf(place) !== null ? null : place;
}

function takeAttributes(current: Element, next: Element): void {
  for (const { name } of Array.from(current.attributes)) {
    if (!next.hasAttribute(name) && name !== 'open' && name !== 'class') current.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (name !== 'open' && current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
}

function keyOf(element: Element): string | null {
  return element.getAttribute('data-key');
}

function lightUp(element: HTMLElement): void {
  element.classList.remove('lit');
  requestAnimationFrame(() => element.classList.add('lit'));
}
