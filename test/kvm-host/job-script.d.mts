export function jobScript(job: {
  readonly command: string;
  readonly checkout: string;
  readonly user: { readonly name: string; readonly uid: number };
  readonly env?: Readonly<Record<string, string>>;
}): string;
export function quoted(text: string): string;
