/** Reads a stream piece by piece: resolves when the text has come. Fails when the stream ends before. */
export async function readUntil(output: AsyncIterable<Uint8Array>, first: string) {
  const iterator = output[Symbol.asyncIterator]();
  let seen = '';
  const until = async (wanted: string): Promise<string> => {
    while (!seen.includes(wanted)) {
      const { value, done } = await iterator.next();
      if (done) throw new Error(`the output ended before ${JSON.stringify(wanted)}: ${JSON.stringify(seen)}`);
      seen += Buffer.from(value).toString();
    }
    const text = seen;
    seen = '';
    return text;
  };
  await until(first);
  return {
    until,
    /** No more interest: what comes is dropped. */
    rest: () => void iterator.return?.(),
  };
}
