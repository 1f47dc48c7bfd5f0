/** The object as one line of JSON with snake_case names, as in the protos; nested objects keep theirs. */
export function snakeCased(fields: object): string {
  const renamed = Object.entries(fields).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return JSON.stringify(Object.fromEntries(renamed));
}
