import type { Texts } from '../../pair';

/** What is wrong with one field, by the code that a door answers: [中文, English]. `fault.<field>`
 * says it in the field's own words and goes before `fault.<code>`. */
export const faults = {
  'fault.other': ['这里的内容不符合要求', 'This entry is not accepted here'],
  'fault.missing': ['请填写', 'Please fill this in'],
  'fault.string_too_short': ['太短了', 'This is too short'],
  'fault.string_too_short_of': ['至少 {{min}} 个字符', 'At least {{min}} characters'],
  'fault.string_too_long': ['太长了', 'This is too long'],
  'fault.string_too_long_of': ['最多 {{max}} 个字符', 'At most {{max}} characters'],
  'fault.string_pattern_mismatch': [
    '含有不能使用的字符，或格式不对',
    'It has characters that cannot be used, or the wrong form',
  ],
  'fault.greater_than_equal': ['数字太小了', 'The number is too small'],
  'fault.greater_than_equal_of': ['不能小于 {{min}}', 'Not less than {{min}}'],
  'fault.less_than_equal': ['数字太大了', 'The number is too large'],
  'fault.less_than_equal_of': ['不能大于 {{max}}', 'Not more than {{max}}'],
  'fault.int_type': ['请填写整数', 'Please enter a whole number'],
  'fault.int_parsing': ['请填写整数', 'Please enter a whole number'],
  'fault.too_long': ['选得太多了', 'Too many are chosen'],
  'fault.enum': ['请从列表中选择', 'Please choose from the list'],
  'fault.literal_error': ['请从列表中选择', 'Please choose from the list'],
  'fault.name': [
    '名称不能为空，也不能含有看不见的字符',
    'A name cannot be blank or have hidden characters',
  ],
  'fault.reason': ['请写清事由', 'Please say why'],
  'fault.login': [
    '账号 3 至 64 个字符，不能含有看不见的字符',
    'A login has 3 to 64 characters, none of them hidden',
  ],
  'fault.username': [
    '用户名最多 40 个字符，不能含有 @ 和看不见的字符',
    'A username has up to 40 characters, without @ or hidden ones',
  ],
  'fault.handle': [
    '3 至 20 位小写字母、数字，中间可用连字符',
    '3 to 20 lower-case letters and digits, with hyphens between them',
  ],
  'fault.app_id': ['AppID 是 16 位数字', 'An AppID has 16 digits'],
  'fault.seller_id': ['PID 是 2088 开头的 16 位数字', 'A PID has 16 digits and starts with 2088'],
  'fault.service_provider_id': [
    'PID 是 2088 开头的 16 位数字',
    'A PID has 16 digits and starts with 2088',
  ],
  'fault.code': ['验证码是 6 位数字，也可以填恢复码', 'Six digits, or a recovery code'],
  'fault.store_id': ['请选择门店', 'Please choose a store'],
  'fault.minutes': ['时长超出了范围', 'That is outside the span allowed'],
  'fault.support_contact': ['最多 128 个字符', 'At most 128 characters'],
} as const satisfies Texts;
