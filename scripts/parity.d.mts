export interface FeatureResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export interface ParityFeature {
  readonly title: string;
  readonly tests: readonly string[];
  readonly gaps?: Readonly<Record<string, string>>;
}
export interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}
export declare const ENVIRONMENTS: Readonly<Record<string, { readonly vmm: string; readonly title: string }>>;
export declare function countResults(
  features: Readonly<Record<string, Pick<ParityFeature, 'tests'>>>,
  reports: readonly TestReport[],
): Record<string, FeatureResult>;
export declare function parityTable(
  features: Readonly<Record<string, ParityFeature>>,
  results: Readonly<Record<string, { readonly recorded: string; readonly features: Record<string, FeatureResult> }>>,
): { readonly markdown: string; readonly problems: string[] };
