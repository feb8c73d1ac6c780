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

/** The symbols in the order of their codes. */
const symbols = new Uint16Array(257);

/** What the decoder knows of a length. */
interface LengthClass {
  readonly length: number;
  /** Left-aligned in 32 bits: a window below this, and not below that of a shorter length, begins with a code of this length. */
  readonly limit: number;
  /** Added to a code of this length it gives the place in `symbols`. */
  readonly shift: number;
}

const classes: readonly LengthClass[] = assignCodes();

function assignCodes(): LengthClass[] {
  let code = 0;
  let count = 0;
  let lastLength = 0;
  return SYMBOLS_BY_LENGTH.map(([length, ranges]) => {
    code <<= length - lastLength;
    lastLength = length;
    const shift = count - code;
    for (const range of ranges.split(" ")) {
      const [from, to = from] = range.split("-").map(Number) as [number, number?];
      for (let symbol = from; symbol <= to; symbol++) {
        codes[symbol] = code++;
        lengths[symbol] = length;
        symbols[count++] = symbol;
      }
    }
    return { length, limit: code * 2 ** (32 - length), shift };
  });
}

/** 32 bits from bit `at`; past the end there are ones, which is what padding is made of. */
function windowAt(bytes: Uint8Array, at: number, end: number): number {
  const i = at >>> 3;
  const byte = (k: number): number => (i + k < end ? bytes[i + k]! : 0xff);
  const four = (byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3);
  const past = at & 7;
  return past === 0 ? four >>> 0 : ((four << past) | (byte(4) >>> (8 - past))) >>> 0;
}

/**
 * Decodes `bytes[from, to)` into `out` from `offset` on.
 *
 * Codes are found by their length instead of in a table of states: half the speed, and thousands of
 * steps less to start with, which is megabytes less in a process that has just begun.
 *
 * @param out At least `2 * (to - from)` bytes behind the offset: no code is shorter than five bits, so that is always enough.
 * @returns Bytes written, or -1 for a string that holds end-of-string or bad padding (RFC 7541 §5.2).
 */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, out: Uint8Array, offset = 0): number {
  const endBit = 8 * to;
  let written = offset;
  for (let at = 8 * from; at < endBit; ) {
    const window = windowAt(bytes, at, to);
    const left = endBit - at;
    if (left < 8 && window === 0xffff_ffff) return written - offset;
    let k = 0;
    while (window >= classes[k]!.limit) k++;
    const { length, shift } = classes[k]!;
    const symbol = symbols[(window >>> (32 - length)) + shift]!;
    if (length > left || symbol === END_OF_STRING) return -1;
    out[written++] = symbol;
    at += length;
  }
  return written - offset;
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
