import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byteRate,
  labelMatchers,
  duration,
  formatWindow,
  interval,
  recipient,
  timezone,
  windowOfDay,
} from './scalars.ts';

const minutes = fc.integer({ min: 0, max: 1439 });

describe('windowOfDay', () => {
  it('reads back what formatWindow writes', () => {
    fc.assert(
      fc.property(minutes, minutes, (startMinute, endMinute) => {
        expect(windowOfDay.parse(formatWindow(startMinute, endMinute))).toEqual({ startMinute, endMinute });
      }),
    );
  });

  it.each([
    ['2:00-6:00', 120, 360],
    ['00:00-23:59', 0, 1439],
    ['22:30-02:15', 1350, 135],
    ['00:00-00:00', 0, 0],
  ])('reads %s', (text, startMinute, endMinute) =>
    expect(windowOfDay.parse(text)).toEqual({ startMinute, endMinute }),
  );

  it('corrects hours beyond the day to a window that it would take', () => {
    fc.assert(
      fc.property(minutes, fc.integer({ min: 24, max: 99 }), (startMinute, hour) => {
        const start = formatWindow(startMinute, 0).slice(0, 5);
        const message = windowOfDay.safeParse(`${start}-${hour}:30`).error?.issues[0]?.message ?? '';
        const proposal = /Write (\S+)\.$|write (\S+)\.$/.exec(message);
        expect(windowOfDay.parse(proposal?.[1] ?? proposal?.[2])).toEqual({
          startMinute,
          endMinute: (hour % 24) * 60 + 30,
        });
      }),
    );
  });
});

describe('duration', () => {
  it('is milliseconds, and an interval is at least ten seconds', () => {
    expect(duration.parse('1h30m')).toBe(5_400_000);
    expect(duration.parse('5ms')).toBe(5);
    expect(interval.parse('10s')).toBe(10_000);
    expect(interval.safeParse('9s').success).toBe(false);
  });

  it.each(['0s', '0m', '0h0m'])('of %s is too short rather than none', (text) => {
    expect(duration.safeParse(text).error?.issues[0]?.message).toContain('is too short: at least 1ms');
  });
});

describe('byteRate', () => {
  it('is bytes a second, and no slower than servers wait for', () => {
    expect(byteRate.parse('20MiB/s')).toBe(20 * 1024 ** 2);
    expect(byteRate.parse('16 KiB/s')).toBe(16 * 1024);
    expect(byteRate.safeParse('16kB/s').error?.issues[0]?.message).toBe('is too slow: at least 16 KiB/s');
  });

  it.each(['20', '20MiB', '20Mbit/s', '20m/s'])('refuses %s, and says how it is written', (text) =>
    expect(byteRate.safeParse(text).error?.issues[0]?.message).toContain('as in 20MiB/s'),
  );
});

describe('labelMatchers', () => {
  const matchers = labelMatchers('');

  it.each([
    '',
    'instance="db1:9100"',
    ` job=~'node|host' , severity!="info",`,
    'path="C:\\\\x, \\"y\\""',
    '"host.name"!~`db[0-9]{2}`',
  ])('takes %s', (written) => {
    expect(matchers.parse(written)).toBe(written);
  });

  it.each(['db1', 'instance=db1', '{job="node"}', 'a="b" c="d"', 'a="b",,c="d"', ',', 'a="b', '1a="b"'])(
    'refuses %s',
    (written) => {
      expect(matchers.safeParse(written).success).toBe(false);
    },
  );
});

describe('timezone', () => {
  it.each(['UTC', 'Europe/Madrid', 'America/Argentina/Buenos_Aires', 'europe/madrid', 'Etc/GMT+3'])(
    'takes %s',
    (zone) => expect(timezone.safeParse(zone).success).toBe(true),
  );

  it.each(['', 'Madrid', '+02:00', '-03', 'Europe/Madird', 'Z'])('refuses %j', (zone) =>
    expect(timezone.safeParse(zone).success).toBe(false),
  );
});

describe('recipient', () => {
  // The first is age's own example (github.com/FiloSottile/age, README).
  const good = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';

  it('takes a recipient, and notices a letter that was typed wrong', () => {
    expect(recipient.safeParse(good).success).toBe(true);
    expect(recipient.safeParse(good.replace('ql3z', 'ql3y')).success).toBe(false);
    expect(recipient.safeParse(good.slice(0, -1)).success).toBe(false);
    expect(recipient.safeParse('ssh-ed25519 AAAA').success).toBe(false);
  });
});
