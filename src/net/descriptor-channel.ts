/**
 * Hands open connections from one process to another: each descriptor travels with a tag that says what it is for.
 * A pair of unix sockets, used through the C library, since Bun's own sockets read past the descriptors.
 *
 * Source: unix(7) `SCM_RIGHTS`, cmsg(3). Linux on 64 bits; elsewhere {@link descriptorPair} throws.
 *
 * @module
 */
import { dlopen, ptr, read } from "bun:ffi";
import { closeSync } from "node:fs";

export interface SentDescriptor {
  /** Belongs to who receives it. */
  readonly fd: number;
  readonly tag: number;
}

export interface DescriptorChannel {
  /** Sends a copy of `fd`: the caller still has its own to close. False: the other side does not keep up, or is gone. */
  send(fd: number, tag: number): boolean;
  /** What has arrived and was not taken; undefined when there is nothing. */
  receive(): SentDescriptor | undefined;
  close(): void;
}

const AF_UNIX = 1;
/** Each message stays by itself; neither side blocks; children do not inherit it by chance. */
const SOCK_SEQPACKET_NONBLOCK_CLOEXEC = 5 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const MSG_DONTWAIT_CLOEXEC = 0x40 | 0x4000_0000;
const TAG_BYTES = 4;
/** A header of 16 bytes and one descriptor of 4, which is padded to 24. */
const CONTROL_BYTES = 24n;
const CONTROL_LENGTH = 20n;

const SYMBOLS = {
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i64" },
  dup: { args: ["i32"], returns: "i32" },
} as const;

function openLibrary() {
  if (process.platform !== "linux") throw new Error(`several workers need Linux; this is ${process.platform}`);
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      return dlopen(name, SYMBOLS).symbols;
    } catch {
      // The other C library, then.
    }
  }
  throw new Error("several workers need the C library as libc.so.6 or libc.so: neither can be loaded");
}

let library: ReturnType<typeof openLibrary> | undefined;
const libc = (): ReturnType<typeof openLibrary> => (library ??= openLibrary());

/**
 * A channel, and the descriptor of its other end, which a child is to inherit and {@link descriptorChannel} takes.
 * @throws {Error} Where the machine cannot do it.
 */
export function descriptorPair(): { readonly channel: DescriptorChannel; readonly otherFd: number } {
  const memory = new ArrayBuffer(8);
  const pair = ptr(memory);
  if (libc().socketpair(AF_UNIX, SOCK_SEQPACKET_NONBLOCK_CLOEXEC, 0, pair) !== 0)
    throw new Error("a socket pair cannot be made: the process may have too many open files; raise `ulimit -n`");
  const ends = new Int32Array(memory);
  return { channel: descriptorChannel(ends[0] as number), otherFd: ends[1] as number };
}

/** A second descriptor of what `fd` names, to be closed by itself; -1 when there is no room for one. */
export const duplicate = (fd: number): number => libc().dup(fd);

/** The end of a channel whose descriptor is `socket`. */
export function descriptorChannel(socket: number): DescriptorChannel {
  const message = new Message();
  let open = true;
  return {
    send(fd, tag) {
      if (!open) return false;
      message.begin(fd, tag);
      return libc().sendmsg(socket, message.pointer, MSG_DONTWAIT_NOSIGNAL) === BigInt(TAG_BYTES);
    },
    receive() {
      if (!open) return undefined;
      message.begin(-1, 0);
      const read = libc().recvmsg(socket, message.pointer, MSG_DONTWAIT_CLOEXEC);
      return read === BigInt(TAG_BYTES) && message.hasDescriptor ? message.received() : undefined;
    },
    close() {
      if (open) closeSync(socket);
      open = false;
    },
  };
}

/** Where the parts of a message lie in its memory. */
const HEADER = 0;
const BUFFER = 56;
const CONTROL = 72;
const TAG = 96;
const MESSAGE_BYTES = 104;

/**
 * `struct msghdr` with one buffer and one control message, used again and again. What the kernel has written is read by address:
 * a typed array that was small enough to be moved showed what had been there before.
 */
class Message {
  readonly #memory = new ArrayBuffer(MESSAGE_BYTES);
  readonly #view = new DataView(this.#memory);
  readonly pointer = ptr(this.#memory);

  constructor() {
    const base = BigInt(this.pointer);
    this.#view.setBigUint64(HEADER + 16, base + BigInt(BUFFER), true);
    this.#view.setBigUint64(HEADER + 24, 1n, true);
    this.#view.setBigUint64(HEADER + 32, base + BigInt(CONTROL), true);
    this.#view.setBigUint64(BUFFER, base + BigInt(TAG), true);
    this.#view.setBigUint64(BUFFER + 8, BigInt(TAG_BYTES), true);
  }

  begin(fd: number, tag: number): void {
    const view = this.#view;
    view.setBigUint64(HEADER + 40, CONTROL_BYTES, true);
    view.setBigUint64(HEADER + 48, 0n, true);
    view.setBigUint64(CONTROL, CONTROL_LENGTH, true);
    view.setInt32(CONTROL + 8, SOL_SOCKET, true);
    view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
    view.setInt32(CONTROL + 16, fd, true);
    view.setInt32(TAG, tag, true);
  }

  /** Asked after a receive: a message that carried none leaves no control data. */
  get hasDescriptor(): boolean {
    return read.u64(this.pointer, HEADER + 40) >= CONTROL_LENGTH && read.i32(this.pointer, CONTROL + 12) === SCM_RIGHTS;
  }

  received(): SentDescriptor {
    return { fd: read.i32(this.pointer, CONTROL + 16), tag: read.i32(this.pointer, TAG) };
  }
}
