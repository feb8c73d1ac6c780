/**
 * The name of a Secret that a document takes a certificate from: `bookinfo`, or as it is named in discovery, `kubernetes://bookinfo`.
 *
 * @module
 */
import type { Node } from "./node.ts";
import { text } from "./read-values.ts";

/** @param holder In whose namespace it stands. */
export const credentialName =
  (holder: string) =>
  (node: Node): string => {
    const written = text(node).replace(/^kubernetes(-gateway)?:\/\//, "");
    if (written.startsWith("configmap:")) node.unsupported();
    else if (written.includes("/"))
      node.fail(`a credential of another namespace is not supported: it stands in the namespace of ${holder}`);
    return written;
  };
