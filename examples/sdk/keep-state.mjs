// A named box keeps its files: run this twice and the counter goes on.
import { SimpleBox } from '@boxlite/sdk';

const box = new SimpleBox({ name: 'counter', memoryMib: 128 });
try {
  const { stdout } = await box.exec(
    'sh',
    '-c',
    'n=$(cat /root/n 2>/dev/null || echo 0); echo $((n + 1)) | tee /root/n',
  );
  console.log(`this box has been used ${stdout.trim()} times`);
} finally {
  await box.stop();
}
