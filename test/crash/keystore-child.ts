import { fileKeystore } from '../../exporter/src/keys/file.ts';

/**
 * A process to be killed, or to compete with another: `keystore-child.ts FOLDER [COUNT]` makes keys, and prints the id of
 * each once it has been promised to be durable.
 */
const [folder = '', count = 'Infinity'] = process.argv.slice(2);

const keystore = fileKeystore({ folder, passphrase: 'a passphrase', scryptLogN: 6 });
process.stdout.write('open\n');
for (let made = 0; made < Number(count); made += 1) {
  const { id } = await keystore.create({ kind: 'x25519', now: made });
  process.stdout.write(`${id}\n`);
}
