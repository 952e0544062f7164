import { DatabaseSync } from 'node:sqlite';

/**
 * A process that moves amounts between two tables of the database in its first argument until it is ended: the sum
 * over both stays the same in every transaction, and only there. Prints a line once it has begun.
 */
const database = new DatabaseSync(process.argv[2] ?? '', { timeout: 10_000 });
const move = database.prepare('UPDATE a SET n = n - ? WHERE id = ?');
const arrive = database.prepare('UPDATE z SET n = n + ? WHERE id = ?');
const grow = database.prepare('INSERT INTO log (line) VALUES (hex(randomblob(200)))');
for (let round = 0; ; round += 1) {
  database.exec('BEGIN IMMEDIATE');
  move.run(round % 7, (round % 100) + 1);
  arrive.run(round % 7, ((round * 13) % 100) + 1);
  grow.run();
  database.exec('COMMIT');
  if (round === 10) process.stdout.write('writing\n');
}
