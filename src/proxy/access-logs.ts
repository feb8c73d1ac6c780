/**
 * Access logs of a connection manager, made of their resources.
 *
 * Source: `envoy.config.accesslog.v3.AccessLog` with the file, stdout and stderr loggers. Filters are not here yet.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { CompileError, refuseOthers, unpackAt } from "../engine/compile-error.ts";
import { AccessLog } from "../telemetry/access-log.ts";
import { ACCESS_LINES_DROPPED } from "../telemetry/access-log.ts";
import { ENVOY_TEXT_FORMAT } from "../telemetry/access-formats.ts";
import { AccessFormatError } from "../telemetry/access-format.ts";
import { type AccessLine, type JsonFormat, jsonLine, textLine } from "../telemetry/access-line.ts";
import type { Registry } from "../telemetry/registry.ts";
import type { AccessLog as AccessLogMessage } from "../xds/proto/access-log.ts";
import { FileAccessLog, StderrAccessLog, StdoutAccessLog } from "../xds/proto/access-loggers.ts";
import type { SubstitutionFormatString } from "../xds/proto/substitution-format.ts";
import { isAny } from "../xds/types/any.ts";
import type { OpenSink } from "./access-sinks.ts";

export interface AccessLogServices {
  readonly clock: Clock;
  readonly registry: Registry;
  /** Logs with lines that were not written out. */
  readonly unwrittenLogs: Set<AccessLog>;
}

const KNOWN = new Set(["name", "typedConfig"]);

/** @throws {CompileError} For loggers and formats that are wrong or not supported, and files that cannot be opened. */
export function accessLogsOf(
  messages: readonly AccessLogMessage[],
  path: string,
  openSink: OpenSink,
  services: AccessLogServices,
): AccessLog[] {
  return messages.map((message, i) => {
    const at = `${path}[${i}]`;
    refuseOthers(message, at, KNOWN);
    const { file, line } = loggerOf(message, `${at}.typed_config`);
    return new AccessLog({
      line,
      sink: open(openSink, file, at),
      clock: services.clock,
      dropped: services.registry.counter(ACCESS_LINES_DROPPED),
      unwritten: services.unwrittenLogs,
    });
  });
}

function open(openSink: OpenSink, file: string, path: string) {
  try {
    return openSink(file);
  } catch (cause) {
    throw new CompileError(`${path}.typed_config.path`, cause instanceof Error ? cause.message : String(cause));
  }
}

function loggerOf({ name, typedConfig }: AccessLogMessage, path: string): { file: string; line: AccessLine } {
  if (typedConfig !== undefined && isAny(typedConfig, FileAccessLog)) {
    const logger = unpackAt(typedConfig, FileAccessLog, path);
    if (logger.logFormat !== undefined) return { file: logger.path ?? "", line: lineOf(logger.logFormat, path) };
    const json = logger.jsonFormat ?? logger.typedJsonFormat;
    const format = json === undefined ? { textFormat: logger.format || ENVOY_TEXT_FORMAT } : { jsonFormat: json };
    return { file: logger.path ?? "", line: lineOf(format, path) };
  }
  if (typedConfig !== undefined && isAny(typedConfig, StdoutAccessLog))
    return { file: "/dev/stdout", line: lineOf(unpackAt(typedConfig, StdoutAccessLog, path).logFormat ?? {}, path) };
  if (typedConfig !== undefined && isAny(typedConfig, StderrAccessLog))
    return { file: "/dev/stderr", line: lineOf(unpackAt(typedConfig, StderrAccessLog, path).logFormat ?? {}, path) };
  throw new CompileError(
    path,
    `the access logger ${typedConfig?.typeUrl ?? name} is not supported yet: file, stdout and stderr are`,
  );
}

function lineOf(format: SubstitutionFormatString, path: string): AccessLine {
  const constants = { hostname: "" };
  try {
    if (format.jsonFormat !== undefined) return jsonLine(format.jsonFormat as JsonFormat, constants);
    const text = format.textFormat ?? format.textFormatSource?.inlineString ?? ENVOY_TEXT_FORMAT;
    return textLine(text, constants);
  } catch (error) {
    if (error instanceof AccessFormatError) throw new CompileError(`${path}.log_format`, error.message);
    throw error;
  }
}
