import type { Texts } from '../pair';

/** What every list says: filters, dates, columns, exports: [中文, English]. */
export const lists = {
  'day.none': ['“{{typed}}”不是日期', '“{{typed}}” is no date'],
  'day.format': ['年-月-日', 'YYYY-MM-DD'],
  'day.quick': ['快捷日期', 'Quick dates'],
  'day.today': ['今天', 'Today'],
  'day.yesterday': ['昨天', 'Yesterday'],
  'day.week': ['近 7 天', 'Last 7 days'],
  'day.month_days': ['近 30 天', 'Last 30 days'],
  'day.month': ['本月', 'This month'],
  'list.columns': ['选择列', 'Columns'],
  'list.columns_default': ['恢复默认', 'Reset'],
  'list.ignored': [
    '网址里的筛选条件“{{labels}}”认不出，没有使用。',
    'The address has a filter that means nothing here, so it was not used: {{labels}}.',
  ],
  'list.hopeless': [
    '单号只由字母和数字组成，换成单号的开头或末四位再试。',
    'Numbers are made of letters and digits only: try the first characters or the last four.',
  ],
  'list.refused': [
    '服务器不接受这组筛选条件，请修改或清空。',
    'The server does not take these filters; change or clear them.',
  ],
  'list.stale': [
    '没有刷新成功，下面是之前的内容。',
    'It could not be refreshed; these rows are from before.',
  ],
  'list.came': ['新到 {{count}} 条', '{{count}} new'],
  'list.unknown_choice': ['未知', 'Unknown'],
  'list.range': ['第 {{from}}–{{to}} 条，共 {{total}} 条', '{{from}}–{{to}} of {{total}}'],
  'list.previous': ['上一页', 'Previous page'],
  'list.next': ['下一页', 'Next page'],
  'list.pages': ['翻页', 'Pages'],
  'list.newest': ['回到最新', 'Back to the newest'],
  'list.newer': ['较新的', 'Newer'],
  'list.older': ['更早的', 'Older'],
  'list.page_size': ['每页条数', 'Rows per page'],
  'list.none': ['没有符合条件的记录', 'Nothing matches these filters'],
  'list.none_hint': ['换一个条件，或清空筛选再看。', 'Change a filter or clear them all.'],
  'list.clear': ['清空筛选', 'Clear filters'],
  'list.exporting': ['正在导出 {{done}}/{{total}}', 'Exporting {{done}}/{{total}}'],
  'list.exported': ['已导出 {{count}} 条', 'Exported {{count}} rows', 'Exported {{count}} row'],
  'list.export_limited': [
    '一次最多导出 {{limit}} 条，请缩小时间范围',
    'At most {{limit}} rows at a time; please choose a shorter period',
  ],
  'list.any': ['全部', 'Any'],
  'list.table': ['{{title}}列表', '{{title}}: list'],
} as const satisfies Texts;
