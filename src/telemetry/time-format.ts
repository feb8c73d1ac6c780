/**
 * Times in UTC by strftime patterns, cheap for times that follow each other: all but the fraction of a second is
 * kept until the second changes, and the whole while the millisecond stays.
 *
 * Source: Envoy's START_TIME: C strftime, `%f` and `%1f` to `%9f` for the fraction, `%s` for seconds since 1970.
 * `%E3S` is `%S.%3f`.
 *
 * @module
 */

/** Envoy's default. */
export const DEFAULT_TIME_FORMAT = "%Y-%m-%dT%H:%M:%E3SZ";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const pad = (value: number, digits = 2, fill = "0"): string => String(value).padStart(digits, fill);
const dayOfYear = (d: Date): number => Math.floor((d.getTime() - Date.UTC(d.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
const hour12 = (d: Date): number => d.getUTCHours() % 12 || 12;

const CONVERSIONS: Readonly<Record<string, (d: Date) => string>> = {
  Y: (d) => String(d.getUTCFullYear()),
  y: (d) => pad(d.getUTCFullYear() % 100),
  m: (d) => pad(d.getUTCMonth() + 1),
  d: (d) => pad(d.getUTCDate()),
  e: (d) => pad(d.getUTCDate(), 2, " "),
  j: (d) => pad(dayOfYear(d), 3),
  H: (d) => pad(d.getUTCHours()),
  I: (d) => pad(hour12(d)),
  M: (d) => pad(d.getUTCMinutes()),
  S: (d) => pad(d.getUTCSeconds()),
  p: (d) => (d.getUTCHours() < 12 ? "AM" : "PM"),
  a: (d) => (DAYS[d.getUTCDay()] ?? "").slice(0, 3),
  A: (d) => DAYS[d.getUTCDay()] ?? "",
  b: (d) => (MONTHS[d.getUTCMonth()] ?? "").slice(0, 3),
  B: (d) => MONTHS[d.getUTCMonth()] ?? "",
  s: (d) => String(Math.floor(d.getTime() / 1000)),
  z: () => "+0000",
  Z: () => "UTC",
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
};

/** Conversions that stand for several. */
const SHORTHANDS: Readonly<Record<string, string>> = { T: "%H:%M:%S", F: "%Y-%m-%d", D: "%m/%d/%y", R: "%H:%M" };

/** What is printed before a fraction (or the end), and the digits of that fraction; 0 for the end. */
interface Stretch {
  readonly pieces: readonly (string | ((d: Date) => string))[];
  readonly fractionDigits: number;
}

/**
 * Compiles a pattern to a function from milliseconds since 1970 to text.
 *
 * @throws {RangeError} If the pattern has a conversion that is not known.
 */
export function timeFormat(pattern: string): (wallMs: number) => string {
  const stretches = compile(pattern.replace(/%([TFDR])/g, (_, letter: string) => SHORTHANDS[letter] ?? ""));
  let lastMs = Number.NaN;
  let last = "";
  let second = Number.NaN;
  let fixed: readonly string[] = [];
  return (wallMs) => {
    if (wallMs === lastMs) return last;
    const now = Math.floor(wallMs / 1000);
    if (now !== second) {
      second = now;
      fixed = stretches.map(({ pieces }) => pieces.map((p) => asText(p, new Date(now * 1000))).join(""));
    }
    lastMs = wallMs;
    last = "";
    for (let i = 0; i < stretches.length; i++) {
      last += (fixed[i] ?? "") + fraction(wallMs - now * 1000, stretches[i]?.fractionDigits ?? 0);
    }
    return last;
  };
}

const asText = (piece: string | ((d: Date) => string), date: Date): string =>
  typeof piece === "string" ? piece : piece(date);

function fraction(ms: number, digits: number): string {
  if (digits === 0) return "";
  const text = String(1000 + Math.floor(ms)).slice(1);
  return digits <= 3 ? text.slice(0, digits) : text.padEnd(digits, "0");
}

function compile(pattern: string): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let pieces: (string | ((d: Date) => string))[] = [];
  const endStretch = (fractionDigits: number): void => {
    stretches.push({ pieces, fractionDigits });
    pieces = [];
  };
  for (const [part, seconds, digits, letter] of pattern.matchAll(/%(?:E([1-9])S|([1-9]?)f|(.))|[^%]+|%$/gsu)) {
    const conversion = CONVERSIONS[letter ?? ""];
    if (seconds !== undefined) {
      pieces.push(CONVERSIONS["S"] ?? "", ".");
      endStretch(Number(seconds));
    } else if (digits !== undefined) {
      endStretch(Number(digits) || 9);
    } else if (!part.startsWith("%")) {
      pieces.push(part);
    } else if (conversion) {
      pieces.push(conversion);
    } else {
      throw new RangeError(`time conversion ${part} is not known: use ${Object.keys(CONVERSIONS).join(" ")} f 3f E3S`);
    }
  }
  endStretch(0);
  return stretches;
}
