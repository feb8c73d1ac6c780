/**
 * Frames of WebSockets, as far as short messages need them. Source: RFC 6455 section 5.2.
 *
 * @module
 */
const TEXT = 1;
const BINARY = 2;
const FINAL = 0x80;

/** A message of at most 125 bytes; a client masks its own. */
export function frameOf(payload: Buffer, opcode: number, masked: boolean): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const head = Buffer.from([FINAL | opcode, (masked ? 0x80 : 0) | payload.length]);
  if (!masked) return Buffer.concat([head, payload]);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Takes bytes as they come, and gives whole frames. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let received = Buffer.alloc(0);
  return (chunk) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const [first = 0, second = 0] = received;
      const length = second & 0x7f;
      const start = second & 0x80 ? 6 : 2;
      if (received.length < start + length || received.length < 2) return;
      const mask = received.subarray(2, start);
      const payload = Buffer.from(received.subarray(start, start + length).map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
      received = received.subarray(start + length);
      onFrame({ opcode: first & 0x0f, payload });
    }
  };
}

/** Gives messages back as a server does. */
export const answerFrames = (write: (frame: Buffer) => void): ((chunk: Buffer) => void) =>
  frameReader(({ opcode, payload }) => {
    if (opcode === TEXT || opcode === BINARY) write(frameOf(payload, opcode, false));
  });
