/**
 * What a session is told of the configuration.
 *
 * @module
 */
import type { Http2Settings } from "../../engine/http2-settings.ts";
import type { SessionOptions } from "../../wire/http2/options.ts";

/** Heads of answers, which nobody limits otherwise. */
const MAX_RESPONSE_HEAD_BYTES = 64 * 1024;

const MIN_BLOCK_BYTES = 64 * 1024;

/** For connections of clients. */
export function serverOptions(http2: Http2Settings, maxHeadBytes: number, maxHeaders: number): SessionOptions {
  return { ...sharedOptions(http2, maxHeadBytes), maxHeaders };
}

/** For connections to endpoints. */
export function clientOptions(http2: Http2Settings): SessionOptions {
  return sharedOptions(http2, MAX_RESPONSE_HEAD_BYTES);
}

function sharedOptions(http2: Http2Settings, maxHeaderListBytes: number): SessionOptions {
  return {
    settings: {
      headerTableBytes: http2.hpackTableBytes,
      maxConcurrentStreams: http2.maxConcurrentStreams,
      initialWindowBytes: http2.streamWindowBytes,
      maxHeaderListBytes,
      enableConnect: http2.allowConnect,
    },
    connectionWindowBytes: http2.connectionWindowBytes,
    // Read to its end a head that is too large gets an answer; what is far too large ends the connection.
    headerBlock: { maxBlockBytes: Math.max(2 * maxHeaderListBytes, MIN_BLOCK_BYTES) },
    encoderTableBytes: http2.hpackTableBytes,
    streamErrorOnMalformed: http2.invalidMessageEndsStream,
    flood: {
      maxOutboundFrames: http2.maxOutboundFrames,
      maxOutboundControlFrames: http2.maxOutboundControlFrames,
      maxEmptyFrames: http2.maxEmptyFrames,
      maxPriorityFramesPerStream: http2.maxPriorityFramesPerStream,
      maxWindowUpdatesPerData: http2.maxWindowUpdatesPerDataFrame,
    },
    ...(http2.keepalive === undefined ? {} : { keepalive: http2.keepalive }),
  };
}
