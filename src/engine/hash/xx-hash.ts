/**
 * xxHash64, by which Envoy hashes keys of requests and of endpoints.
 *
 * Source: Envoy's `HashUtil::xxHash64` (https://xxhash.com, XXH64).
 *
 * @module
 */

/** Of text from a configuration, as UTF-8. */
export const hashOfText = (text: string, seed = 0n): bigint => Bun.hash.xxHash64(text, seed);

export const hashOfBytes = (bytes: Uint8Array): bigint => Bun.hash.xxHash64(bytes);

/** Of text from the wire, one byte a character. */
export const hashOfWire = (text: string, seed = 0n): bigint => Bun.hash.xxHash64(Buffer.from(text, "latin1"), seed);

/** Of several texts: the hash of each is the seed of the next. */
export const hashOfWires = (texts: readonly string[]): bigint =>
  texts.reduce((seed, text) => hashOfWire(text, seed), 0n);
