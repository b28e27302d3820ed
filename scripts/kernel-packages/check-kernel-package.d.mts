export function kernelPackageProblems(target: string, directory: string): string[];
