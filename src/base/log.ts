/**
 * The log port: operational messages of a process, one line each. Not the access log, which is `telemetry/`.
 *
 * @module
 */

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Values beside a message. Never put keys, tokens or request bodies here. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A log that writes `time level message key=value …` lines at or above `level` to `write`; a function may change its mind. */
export function lineLog(level: LogLevel | (() => LogLevel), write: (line: string) => void, wallMs: () => number): Log {
  const lowest = typeof level === "function" ? level : (): LogLevel => level;
  const at =
    (lineLevel: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (RANK[lineLevel] < RANK[lowest()]) return;
      const rest = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => ` ${key}=${quoted(String(value))}`);
      write(`${new Date(wallMs()).toISOString()} ${lineLevel} ${message}${rest.join("")}\n`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A log that forgets everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

const quoted = (value: string): string => (/^[\w.:/|@%+-]+$/.test(value) ? value : JSON.stringify(value));
