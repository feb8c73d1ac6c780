/**
 * In which namespaces a document is seen: Istio's `exportTo`.
 *
 * @module
 */

/** All namespaces, or these; none at all means that nobody sees it. */
export type Visibility = "all" | readonly string[];

/** What a document without `exportTo` has, still with `.` for its own namespace. Source: MeshConfig's `default…ExportTo`. */
export type DefaultVisibility = "*" | "." | "~";

export const isVisibleIn = (visibility: Visibility, namespace: string): boolean =>
  visibility === "all" || visibility.includes(namespace);
