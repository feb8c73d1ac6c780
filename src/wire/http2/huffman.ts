/**
 * The Huffman code of HPACK, RFC 7541 Appendix B.
 *
 * The code is canonical: codes grow with length, and within one length with the symbol. So the
 * lengths alone fix it, and the table below lists symbols by length instead of 257 bit patterns.
 *
 * @module
 */

/** Symbols by code length in bits, as ranges `from-to`. 256 is end-of-string, which is never sent. */
export const SYMBOLS_BY_LENGTH: readonly (readonly [number, string])[] = [
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
        symbols[count++] = symbol;
        code++;
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

/** The length that the code at the front of 32 bits has. */
function classOf(window: number): LengthClass {
  let k = 0;
  while (window >= classes[k]!.limit) k++;
  return classes[k]!;
}

/** Bits that {@link pairs} looks at: room for two symbols of those that heads are made of. */
const PAIR_BITS = 12;
const PAIR_MASK = (1 << PAIR_BITS) - 1;
/** What stands at the front of so many bits: one or two symbols from the lowest byte up, their bits from 16 on, their number from 20 on; 0: a longer code. */
const pairs = Uint32Array.from({ length: 1 << PAIR_BITS }, (_, window) => pairAt(window));

function pairAt(window: number): number {
  const first = classOf((window << (32 - PAIR_BITS)) >>> 0);
  if (first.length > PAIR_BITS) return 0;
  const left = PAIR_BITS - first.length;
  const symbol = symbols[(window >>> left) + first.shift] as number;
  const rest = window & ((1 << left) - 1);
  const second = classOf((rest << (32 - left)) >>> 0);
  if (left === 0 || second.length > left) return (1 << 20) | (first.length << 16) | symbol;
  const next = symbols[(rest >>> (left - second.length)) + second.shift] as number;
  return (2 << 20) | ((first.length + second.length) << 16) | (next << 8) | symbol;
}

/**
 * Decodes `bytes[from, to)` into `out` from `offset` on, two symbols at a time where they have short codes.
 *
 * A table of states would be faster still, and takes megabytes in a process that has just begun.
 *
 * @param out At least `2 * (to - from)` bytes behind the offset: no code is shorter than five bits, so that is always enough.
 * @returns Bytes written, or -1 for a string that holds end-of-string or bad padding (RFC 7541 §5.2).
 */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, out: Uint8Array, offset = 0): number {
  let written = offset;
  let at = from;
  /** The lowest `held` of these bits are to be decoded. */
  let bits = 0;
  let held = 0;
  for (;;) {
    while (held < 16 && at < to) {
      bits = (bits << 8) | (bytes[at++] as number);
      held += 8;
    }
    if (held >= PAIR_BITS) {
      const found = pairs[(bits >>> (held - PAIR_BITS)) & PAIR_MASK] as number;
      if (found !== 0) {
        out[written] = found & 0xff;
        out[written + 1] = (found >>> 8) & 0xff;
        written += found >>> 20;
        held -= (found >>> 16) & 0xf;
        continue;
      }
    }
    // Padding is made of ones, and shorter than any code.
    const ones = (1 << held) - 1;
    if (held < 8 && (bits & ones) === ones) return written - offset;
    const place = at * 8 - held;
    const found = codeAt(bytes, place, to);
    if (found < 0) return -1;
    out[written++] = found & 0xff;
    const next = place + (found >>> 8);
    at = (next + 7) >>> 3;
    held = at * 8 - next;
    bits = held === 0 ? 0 : (bytes[at - 1] as number);
  }
}

/** The code at a bit, its length above its symbol; -1 when there is none. */
function codeAt(bytes: Uint8Array, bit: number, end: number): number {
  const window = windowAt(bytes, bit, end);
  const { length, shift } = classOf(window);
  const symbol = symbols[(window >>> (32 - length)) + shift] as number;
  return length > end * 8 - bit || symbol === END_OF_STRING ? -1 : (length << 8) | symbol;
}
