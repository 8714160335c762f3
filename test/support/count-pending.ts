/** The same object; `pending` says how many of its promises are still to be settled. */
export function countPending<Target extends object>(
  target: Target,
): { readonly counted: Target; readonly pending: () => number } {
  let pending = 0;
  const end = (): void => {
    pending -= 1;
  };
  const counted = new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...words: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(member, target, words);
        if (answer instanceof Promise) {
          pending += 1;
          answer.then(end, end);
        }
        return answer;
      };
    },
  });
  return { counted, pending: () => pending };
}
