/**
 * A Kubernetes Namespace: its labels say whose routes a Gateway lets in.
 *
 * @module
 */
import type { Namespace } from "../model/namespace.ts";
import type { DocumentBody } from "./document.ts";

export function readNamespace({ metadata, origin, spec }: DocumentBody): Namespace {
  spec?.fields({ known: ["finalizers"] });
  return { origin, name: metadata.name, labels: metadata.labels };
}
