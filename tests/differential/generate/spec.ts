/**
 * What generators write and the aim reads of a VirtualService: its fields as they stand in documents.
 *
 * @module
 */
export interface Text {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export type Texts = Readonly<Record<string, Text>>;

export interface MatchSpec {
  readonly name?: string;
  readonly uri?: Text;
  readonly ignoreUriCase?: boolean;
  readonly method?: Text;
  readonly authority?: Text;
  readonly scheme?: Text;
  readonly headers?: Texts;
  readonly withoutHeaders?: Texts;
  readonly queryParams?: Texts;
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  readonly gateways?: readonly string[];
}

export interface RuleSpec {
  readonly name?: string;
  readonly match?: readonly MatchSpec[];
  readonly timeout?: string;
  readonly retries?: object;
  readonly corsPolicy?: object;
  readonly delegate?: object;
  readonly [action: string]: unknown;
}

export interface VirtualServiceSpec {
  readonly hosts?: readonly string[];
  readonly http?: readonly RuleSpec[];
  readonly [more: string]: unknown;
}
