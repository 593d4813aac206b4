/** A table as a file that spreadsheets open without running a formula or changing a number. */
import { chinaTime } from '@shared/time';

export type Cell = string | number | null | undefined;

/** Full-width signs, too: a spreadsheet in an Asian language treats them like the others. */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/;
const PLAIN_NUMBER = /^-?\d+(\.\d+)?$/;
/** A spreadsheet keeps 15 digits, drops leading zeros, and reads "12E3" as a power of ten. */
const SPOILT_NUMBER = /^(\d{12,}|0\d+|\d+[eE]\d+)$/;

/** One cell: quoted if needed. A text that a spreadsheet would take as a formula is marked as
 * text. A number that would lose digits gets a tab at its end, as in Alipay's own bills. */
export function cell(value: Cell): string {
  let text = value === null || value === undefined ? '' : String(value);
  if (FORMULA.test(text) && !PLAIN_NUMBER.test(text)) text = `'${text}`;
  if (SPOILT_NUMBER.test(text)) text = `${text}\t`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(rows: Cell[][]): string {
  return `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** "订单管理_2026-11-28_2231.csv": with the time of the export, in China. */
export function fileName(title: string, at: Date = new Date(), ending = 'csv'): string {
  const [day, time] = chinaTime(at).split(' ');
  return `${title.replace(/[\\/:*?"<>|\s]+/g, '-')}_${day}_${time?.slice(0, 5).replace(':', '')}.${ending}`;
}

export function download(name: string, text: string, type = 'text/csv'): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
