"""What the sample portal tells people before they confirm, in Chinese and in English.

Keeping to PIPL Art. 17 and 47 and GB/T 35273-2020 8.5: what happens, what is erased, what is kept, on what law and
for how long, what becomes of it then, and where to complain.
"""

from __future__ import annotations

from typing import Final

from hht_closure.policy import NoticeText

NOTICE_VERSION: Final = "2026-1"

_CHINESE: Final = """\
户户通账号注销须知

请在确认之前完整阅读本须知。您确认的就是本须知的内容。

一、注销意味着什么
1. 您确认后，账号立即冻结：所有已登录的设备会退出，不能再下单、通话或收发消息。
2. 冻结之后，我们会再核对一次订单和账单。如果此时又有未完成的订单或未付的账单，账号会恢复原状，\
不会删除任何数据，我们会通知您。
3. 核对无误后，开始删除数据。从开始删除的那一刻起，注销不可撤销，\
任何人（包括我们的客服）都不能停止或恢复。在此之前，您可以撤回。
4. 注销完成后，该账号不能再登录，也不能找回。

二、哪些数据会被永久删除
聊天记录、通讯录、个人资料（昵称、签名、生日、城市）、登录记录，以及登录名、密码、手机号码和电子邮箱。这些数据删除后无法恢复。
您发给别人的消息属于对方的聊天记录，仍保留在对方的账号中。

三、哪些数据依法保留，保留多久
订单和账单：依照《电子商务法》第三十一条，自交易完成之日起保存三年，至满三年的次月一日（世界协调时）删除；\
已满期限的，本次一并删除。
这些记录只含账号编号、商品或服务、金额和时间。账号的姓名、号码和邮箱删除后，编号不再指向您本人。保留期间仅作存储和必要的安全保护，不作他用（《个人信息保护法》第四十七条）。
具体的项目、数量和期限，见本须知下方的清单。

四、请您自行备份
聊天记录和通讯录的备份与导出由您自行决定、自行保管。我们不保留副本，注销后也不能补发。是否告知您的联系人，同样由您决定，不影响注销。

五、登录名
注销后，您的登录名保留九十天，在此期间任何人（包括您本人）都不能用它注册，以防他人冒用。我们只保存它的密码学摘要，到期后删除。

六、凭证
注销完成后，您会得到一份带签名的凭证，写明删除和保留了什么，其中不含您的个人信息。请保存好查询编号：登录失效以后，凭它可以查询进度和下载凭证。

七、联系与投诉
个人信息保护负责人：privacy@example.com。您也可以向履行个人信息保护职责的部门投诉、举报，或者向人民法院提起诉讼。
"""

_ENGLISH: Final = """\
Closing your 户户通 account

Please read this to the end before you confirm. What you confirm is what stands here.

1. What closing means
- When you confirm, the account is frozen at once: every device is logged out, and you can no longer order, call, or \
send and receive messages.
- After that we look at your orders and invoices once more. If there is an unfinished order or an unpaid invoice by \
then, you get the account back as it was, nothing is erased, and we tell you.
- If there is none, the erasure begins. From that moment on nobody can undo the closing or stop it, our own staff \
included. Until then you can withdraw it.
- A closed account cannot be logged in to, and cannot be recovered.

2. What is erased for ever
Your chat messages, your contacts, your profile (nickname, signature, birthday, city), your log-in sessions, and your \
login name, password, phone number and e-mail address. None of it can be brought back.
Messages that you sent to others belong to their chat history and stay in their accounts.

3. What the law makes us keep, and for how long
Orders and invoices: three years from the completion of the transaction (E-commerce Law of the People's Republic of \
China, Article 31). They go on the first day (UTC) of the month after the three years have passed; what is \
older goes now.
These records hold an account number, the product or service, the amount and the times. Once name, number and address \
are erased, the account number no longer leads to you. Until they go they are stored and kept safe, and used for \
nothing else (Personal Information Protection Law, Article 47).
The list below says what, how many, and until when.

4. Your own copies
Whether to back up or export your messages and contacts, and where to keep the copy, is your own matter. We keep none \
and cannot send you one later. Whether to tell your contacts is yours to decide, too; neither is in the way of \
the closing.

5. Your login name
It stays reserved for 90 days, so that nobody can take it over and pose as you; until then you \
cannot use it again yourself. We keep only a keyed digest of it, and delete that when the time is over.

6. What you get
When all is done there is a signed receipt that says what was erased and what is kept; it holds no personal data. Keep \
the reference that you are shown: with it you can see the progress and fetch the receipt when the log-in is gone.

7. Questions and complaints
Our data protection officer: privacy@example.com. You may also complain to the authority that protects personal \
information where you live, or go to court.
"""

NOTICES: Final = (NoticeText("zh-CN", _CHINESE), NoticeText("en", _ENGLISH))
"""The wording in each language; change one, and :data:`NOTICE_VERSION` changes."""
