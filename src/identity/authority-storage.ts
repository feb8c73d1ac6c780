/**
 * Where a certificate authority keeps its keys and certificates: the port, and its memory form.
 *
 * @module
 */

/**
 * `root.pem` and `intermediate.pem` hold a certificate and its private key in one text, so that they are replaced
 * together or not at all. `additional-roots.pem` is put there by an operator: roots that are trusted besides the own one.
 */
export type AuthorityFile = "root.pem" | "intermediate.pem" | "additional-roots.pem";

export interface AuthorityStorage {
  /**
   * The text, or `undefined` when there is none.
   * @throws {AuthorityError} If others could have read or changed it.
   */
  read(file: AuthorityFile): string | undefined;
  /** Replaces the text: after a crash there is the old one or the new one. */
  write(file: AuthorityFile, text: string): void;
  /** How a message names it, such as its path. */
  nameOf(file: AuthorityFile): string;
}

/** An authority that must not be opened or cannot issue as things are. The message says what to do. */
export class AuthorityError extends Error {
  override readonly name = "AuthorityError";
}

/** Keeps everything in memory: for one process that needs no root after it. */
export function memoryAuthorityStorage(files = new Map<AuthorityFile, string>()): AuthorityStorage {
  return {
    read: (file) => files.get(file),
    write: (file, text) => void files.set(file, text),
    nameOf: (file) => `${file} (in memory)`,
  };
}
