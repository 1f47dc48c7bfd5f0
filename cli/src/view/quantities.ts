/** "850 B", "12.3 MB", "2.81 GB": decimal units. */
export function bytesText(bytes: number): string {
  if (bytes === 0) return "-";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(bytes) / 3)));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** "3 us", "1.2 ms", "45.1 s", "12 min", "3.4 h"; "-" for none. */
export function secondsText(seconds: number): string {
  if (seconds === 0) return "-";
  for (const [least, unit, factor] of [
    [7200, "h", 3600],
    [120, "min", 60],
    [1, "s", 1],
    [1e-3, "ms", 1e-3],
  ] as const)
    if (seconds >= least) return `${Number((seconds / factor).toPrecision(3))} ${unit}`;
  return `${Number((seconds * 1e6).toPrecision(3))} us`;
}
