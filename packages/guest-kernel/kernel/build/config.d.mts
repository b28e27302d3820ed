export interface Fragment {
  readonly name: string;
  readonly text: string;
}
export function parseConfig(text: string, name: string): Map<string, string>;
export function mergeFragments(fragments: readonly Fragment[]): string;
export function lostOptions(wanted: string, actual: string): string[];
