/**
 * From which namespaces others may come.
 *
 * @module
 */
import type { Mesh } from "../../mesh.ts";
import type { LabelExpression, LabelQuery, NamespaceChoice } from "../reference.ts";

/** Every namespace carries its name, whether it has a document or not. */
const NAME_LABEL = "kubernetes.io/metadata.name";

type Labels = Readonly<Record<string, string>>;

export type NamespaceLabels = (namespace: string) => Labels;

export function namespaceLabels({ namespaces }: Pick<Mesh, "namespaces">): NamespaceLabels {
  const byName = new Map(namespaces.map((n) => [n.name, n.labels]));
  return (name) => ({ ...byName.get(name), [NAME_LABEL]: name });
}

/** Whether `choice`, written in the namespace `own`, lets documents of `other` in. */
export function letsIn(choice: NamespaceChoice, own: string, other: string, labelsOf: NamespaceLabels): boolean {
  switch (choice.t) {
    case "All":
      return true;
    case "Same":
      return own === other;
    case "None":
      return false;
    case "Selector":
      return answers(choice.query, labelsOf(other));
  }
}

const answers = ({ matchLabels, matchExpressions }: LabelQuery, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every((e) => holds(e, labels));

/** As Kubernetes: a label that is not there is `NotIn` every list. */
function holds({ key, operator, values }: LabelExpression, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
