// Run by krun-addon-sanitized.test.ts in a Node.js of its own: calls the addon named first with arguments nobody should give, and then many times with
// good ones. A sanitizer that finds something ends the process.
const [, , addonPath, library] = process.argv;
const { inspect } = require(addonPath);
const throwing = new Proxy([], {
  get() {
    throw new Error('refused');
  },
});
const hostile = [
  [],
  [1, [], []],
  ['libkrun.so.1', [], []],
  ['/x\0', [], []],
  [`/${'x'.repeat(10_000_000)}`, [], []],
  ['/x', ['system'], []],
  ['/x', [`krun_${'x'.repeat(1_000_000)}`], []],
  ['/x', new Array(600), []],
  ['/x', new Array(1), []],
  ['/x', throwing, []],
  ['/x', [], [Number.NaN]],
  ['/x', [], [Number.POSITIVE_INFINITY]],
  ['/x', [], [2 ** 53]],
  ['/nonexistent', [], [0]],
  ['/etc/passwd', [], []],
];
let refused = 0;
for (const args of hostile) {
  try {
    inspect(...args);
  } catch {
    // What it says is tested elsewhere; here it must only be refused.
    refused += 1;
  }
}
for (let round = 0; round < 1000; round++) inspect(library, ['krun_add_disk2', 'krun_absent'], [0, 1, 63]);
console.log(`refused ${refused} of ${hostile.length}`);
