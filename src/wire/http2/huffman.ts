/**
 * The Huffman code of HPACK, RFC 7541 Appendix B.
 *
 * The code is canonical: codes grow with length, and within one length with the symbol. So the
 * lengths alone fix it, and the table below lists symbols by length instead of 257 bit patterns.
 *
 * @module
 */

/** Symbols by code length in bits, as ranges `from-to`. 256 is end-of-string, which is never sent. */
const SYMBOLS_BY_LENGTH: readonly (readonly [number, string])[] = [
  [5, "48-50 97 99 101 105 111 115 116"],
  [6, "32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117"],
  [7, "58 66-87 89 106 107 113 118-122"],
  [8, "38 42 44 59 88 90"],
  [10, "33 34 40 41 63"],
  [11, "39 43 124"],
  [12, "35 62"],
  [13, "0 36 64 91 93 126"],
  [14, "94 125"],
  [15, "60 96 123"],
  [19, "92 195 208"],
  [20, "128 130 131 162 184 194 224 226"],
  [21, "153 161 167 172 176 177 179 209 216 217 227 229 230"],
  [22, "129 132-134 136 146 154 156 160 163 164 169 170 173 178 181 185-187 189 190 196 198 228 232 233"],
  [23, "1 135 137-141 143 147 149-152 155 157 158 165 166 168 174 175 180 182 183 188 191 197 231 239"],
  [24, "9 142 144 145 148 159 171 206 215 225 236 237"],
  [25, "199 207 234 235"],
  [26, "192 193 200-202 205 210 213 218 219 238 240 242 243 255"],
  [27, "203 204 211 212 214 221-223 241 244-248 250-254"],
  [28, "2-8 11 12 14-21 23-31 127 220 249"],
  [30, "10 13 22 256"],
];

const END_OF_STRING = 256;
const codes = new Uint32Array(257);
const lengths = new Uint8Array(257);

for (let code = 0, lastLength = 0, i = 0; i < SYMBOLS_BY_LENGTH.length; i++) {
  const [length, ranges] = SYMBOLS_BY_LENGTH[i]!;
  code <<= length - lastLength;
  lastLength = length;
  for (const range of ranges.split(" ")) {
    const [from, to = from] = range.split("-").map(Number) as [number, number?];
    for (let symbol = from; symbol <= to; symbol++) {
      codes[symbol] = code++;
      lengths[symbol] = length;
    }
  }
}

/**
 * The decoder steps four bits at a time through the nodes of the code's tree. No code is shorter than
 * five bits, so a step emits at most one symbol. An entry: bits 0-8 the symbol (when EMITS), 9 EMITS, 10 FAILS, 16.. next node.
 */
const EMITS = 1 << 9;
const FAILS = 1 << 10;
const { steps, mayEnd } = buildSteps();

interface Tree {
  /** Two children a node; a leaf is -1 - symbol. */
  readonly children: Int32Array;
  readonly nodes: number;
}

function buildTree(): Tree {
  const children = new Int32Array(2 * 257);
  let nodes = 1;
  for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
    let node = 0;
    for (let bit = lengths[symbol]! - 1; bit >= 0; bit--) {
      const slot = 2 * node + ((codes[symbol]! >>> bit) & 1);
      if (bit === 0) children[slot] = -1 - symbol;
      else if (children[slot] === 0) children[slot] = nodes++;
      node = children[slot]!;
    }
  }
  return { children, nodes };
}

function buildSteps(): { steps: Int32Array; mayEnd: Uint8Array } {
  const { children, nodes } = buildTree();
  const table = new Int32Array(nodes * 16);
  for (let node = 0; node < nodes; node++)
    for (let nibble = 0; nibble < 16; nibble++) table[node * 16 + nibble] = stepFrom(children, node, nibble);
  // Padding is up to seven ones: the string may end at the root and at the first seven nodes along the ones.
  const ends = new Uint8Array(nodes);
  for (let node = 0, depth = 0; depth < 8; depth++) {
    ends[node] = 1;
    node = children[2 * node + 1]!;
  }
  return { steps: table, mayEnd: ends };
}

function stepFrom(children: Int32Array, start: number, nibble: number): number {
  let node = start;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[2 * node + ((nibble >>> bit) & 1)]!;
    if (child === -1 - END_OF_STRING) return FAILS;
    if (child < 0) emitted = EMITS | (-1 - child);
    node = Math.max(child, 0);
  }
  return (node << 16) | emitted;
}

/**
 * Decodes `bytes[from, to)` into `out` from its start.
 *
 * @param out At least `2 * (to - from)` long: no code is shorter than five bits, so that is always enough.
 * @returns Bytes written, or -1 for a string that holds end-of-string or bad padding (RFC 7541 §5.2).
 */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    const high = steps[node * 16 + (byte >>> 4)]!;
    if (high & EMITS) out[length++] = high & 0xff;
    const low = steps[(high >>> 16) * 16 + (byte & 15)]!;
    if (low & EMITS) out[length++] = low & 0xff;
    if ((high | low) & FAILS) return -1;
    node = low >>> 16;
  }
  return mayEnd[node] === 1 ? length : -1;
}

/** Bytes that `text` takes when encoded; -1 when it is not Latin-1. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    if (symbol > 0xff) return -1;
    bits += lengths[symbol]!;
  }
  return (bits + 7) >>> 3;
}

/** Encodes `text` (Latin-1) into `out` at `offset`; returns the offset after it. */
export function huffmanEncode(text: string, out: Uint8Array, offset: number): number {
  let at = offset;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    for (let left = lengths[symbol]!; left > 0; ) {
      // Never more than 7 + 16 bits at once: JavaScript shifts 32 bits.
      const take = Math.min(left, 16);
      left -= take;
      bits = (bits << take) | ((codes[symbol]! >>> left) & ((1 << take) - 1));
      held += take;
      for (; held >= 8; held -= 8) out[at++] = (bits >>> (held - 8)) & 0xff;
      bits &= (1 << held) - 1;
    }
  }
  if (held > 0) out[at++] = ((bits << (8 - held)) | ((1 << (8 - held)) - 1)) & 0xff;
  return at;
}
