/**
 * The first frame of a server, RFC 9113 §3.4. Many servers send it as soon as they are called: they speak first, and
 * nevertheless wait for a client of HTTP.
 *
 * @module
 */
import { FrameType } from "./constants.ts";

const HEADER_BYTES = 9;
const SETTING_BYTES = 6;
/** No side may send larger frames before the other has let it. */
const MAX_PAYLOAD_BYTES = 16_384;

/** Whether a server's first read begins with the SETTINGS of HTTP/2. One that is shorter than a frame's header does not. */
export function beginsWithSettings(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [payloadBytes, type] = [view.getUint32(0) >>> 8, view.getUint8(3)];
  if (type !== FrameType.settings || payloadBytes > MAX_PAYLOAD_BYTES || payloadBytes % SETTING_BYTES !== 0)
    return false;
  // No flags, since it acknowledges nothing, and stream 0.
  return view.getUint8(4) === 0 && view.getUint32(5) === 0;
}
