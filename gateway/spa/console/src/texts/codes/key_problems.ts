import type { Texts } from '../../pair';

/** What the reader of keys and certificates refuses, and what to do: [中文, English]. */
export const keyProblems = {
  'problem.binding.key_refused': ['密钥不可用', 'This key cannot be used'],
  'problem.binding.key_empty': ['没有填写密钥', 'No key was given'],
  'problem.binding.key_too_large': ['内容过长，不是单个密钥', 'Too much text for one key'],
  'problem.binding.key_unreadable': [
    '无法识别的密钥，请完整复制密钥工具的输出',
    'Not a key; copy the key tool’s output whole',
  ],
  'problem.binding.key_truncated': [
    '密钥不完整，请重新完整复制',
    'Part of the key is missing; copy it whole',
  ],
  'problem.binding.key_encrypted': [
    '密钥带口令，请导出不带口令的密钥',
    'The key is locked by a passphrase; export it without one',
  ],
  'problem.binding.several_keys': ['只能填写一个密钥', 'More than one key was given'],
  'problem.binding.certificate_as_key': ['这是证书，不是密钥', 'This is a certificate, not a key'],
  'problem.binding.public_key_as_private': [
    '这里应填应用私钥，填入的是公钥',
    'A public key was given; the private key is needed here',
  ],
  'problem.binding.private_key_as_public': [
    '这里应填支付宝公钥，填入的是私钥；若曾外泄请立即更换',
    'A private key was given; Alipay’s public key is needed. Replace it if others have seen it',
  ],
  'problem.binding.key_not_rsa': ['只支持 RSA2 密钥', 'Only RSA keys are supported'],
  'problem.binding.key_too_short': [
    '密钥不足 2048 位，请换一把',
    'The key is shorter than 2048 bits; use another',
  ],
  'problem.binding.key_inconsistent': [
    '密钥内容损坏，请重新导出',
    'The key is damaged; export it again',
  ],
  'problem.binding.own_public_key': [
    '填入的是应用公钥；这里要的是上传后支付宝返回的支付宝公钥',
    'This is the application public key; Alipay’s own, shown after the upload, is needed here',
  ],
  'problem.binding.aes_key_refused': [
    '内容加密密钥不正确，请从开放平台完整复制',
    'The content encryption key is not right; copy it whole from the open platform',
  ],
  'problem.binding.grant_refused': [
    '应用授权令牌不正确，请完整复制',
    'The authorisation token is not right; copy it whole',
  ],
  'problem.binding.certificate_refused': ['证书不可用', 'This certificate cannot be used'],
  'problem.binding.certificate_unreadable': [
    '无法识别的证书，请选择下载的证书文件',
    'Not a certificate; choose the downloaded file',
  ],
  'problem.binding.key_as_certificate': [
    '这里应填证书，填入的是密钥',
    'A key was given; a certificate is needed here',
  ],
  'problem.binding.certificate_not_yet_valid': ['证书尚未生效', 'The certificate is not valid yet'],
  'problem.binding.certificate_expired': [
    '证书已过期，请重新下载',
    'The certificate has expired; download a new one',
  ],
  'problem.binding.certificate_of_authority': [
    '这是颁发机构的证书，请检查三个文件是否放错位置',
    'An authority’s certificate was given; check which file goes where',
  ],
  'problem.binding.certificate_untrusted': [
    '证书与所给的支付宝根证书对不上',
    'The certificate does not lead to a root in the given root file',
  ],
  'problem.binding.certificate_mismatch': [
    '应用公钥证书与应用私钥不是一对',
    'The application certificate does not belong to the private key',
  ],
  'problem.binding.own_certificate': [
    '填入的是应用公钥证书；这里应填支付宝公钥证书',
    'The application certificate was given; Alipay’s is needed here',
  ],
  'problem.binding.root_certificate_missing': [
    '根证书文件里没有可用的根证书',
    'The root file holds no usable root',
  ],
} as const satisfies Texts;
