/**
 * A name server on loopback, as small as it gets: answers A and AAAA from a table that a test may change.
 *
 * @module
 */
import { parseIp } from "../../src/base/ip-address.ts";

export type NameAnswer = { readonly ttlS: number; readonly addresses: readonly string[] } | "SERVFAIL";
/** By name and type: `app.test A`. Names that are in it with another type have no data; others do not exist. */
export type NameTable = Record<string, NameAnswer>;

const TYPES: Readonly<Record<number, string>> = { 1: "A", 28: "AAAA" };
const HEADER_BYTES = 12;
const NAME_POINTER = 0xc00c;
const SERVFAIL = 2;
const NXDOMAIN = 3;

export class NameServer {
  readonly table: NameTable;
  /** What was asked, in order. */
  readonly asked: string[] = [];
  #socket: Bun.udp.Socket<"buffer"> | undefined;

  private constructor(table: NameTable) {
    this.table = table;
  }

  static async start(table: NameTable): Promise<NameServer> {
    const server = new NameServer(table);
    server.#socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: { data: (from, query, port, address) => void from.send(server.answer(query), port, address) },
    });
    return server;
  }

  get port(): number {
    return this.#socket?.port ?? 0;
  }

  answer(query: Buffer): Buffer {
    let at = HEADER_BYTES;
    const labels: string[] = [];
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += length + 1;
    }
    const type = TYPES[query.readUInt16BE(at + 1)] ?? "";
    const name = labels.join(".").toLowerCase();
    this.asked.push(`${name} ${type}`);
    const question = query.subarray(HEADER_BYTES, at + 5);
    const found = this.table[`${name} ${type}`];
    const exists = Object.keys(this.table).some((key) => key.startsWith(`${name} `));
    if (found === "SERVFAIL") return reply(query, question, SERVFAIL, []);
    if (found === undefined) return reply(query, question, exists ? 0 : NXDOMAIN, []);
    const { addresses, ttlS } = found;
    return reply(
      query,
      question,
      0,
      addresses.map((address) => record(address, ttlS)),
    );
  }

  stop(): void {
    this.#socket?.close();
  }
}

function reply(query: Buffer, question: Buffer, code: number, records: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(query.readUInt16BE(0), 0);
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, question, ...records]);
}

function record(address: string, ttlS: number): Buffer {
  const ip = parseIp(address) ?? new Uint8Array();
  const head = Buffer.alloc(12);
  head.writeUInt16BE(NAME_POINTER, 0);
  head.writeUInt16BE(ip.length === 4 ? 1 : 28, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttlS, 6);
  head.writeUInt16BE(ip.length, 10);
  return Buffer.concat([head, ip]);
}
