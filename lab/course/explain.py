"""What an error means in plain words, in which step it happens, and what mends it.

One table serves `lab explain` and the troubleshooting page. It is ordered from the most
specific entry to the most general, because the first one whose pattern is found wins. The
text to explain is often more than the error: a traceback, a line of a log, an answer with
its status. So the end of it, from where the last error begins, is looked at first.

AWS's messages are not part of its API and change now and then; the patterns therefore hold
on to error codes and to as few words as tell one case from another.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from dataclasses import dataclass

PAGE = "notebooks/troubleshooting.md"


@dataclass(frozen=True)
class Explanation:
    """One kind of error. `pattern` is searched for in its text, in either case; `example` is
    what AWS (or this tutorial) prints; `local` says whether it can happen without AWS.
    `local_only` is for a text that AWS uses, too, and that means something else there."""

    name: str
    pattern: str
    means: str
    where: str
    cure: str
    example: str
    local: bool = True
    local_only: bool = False


def _answer(status: int, message: str) -> str:
    """The pattern for an answer of API Gateway's: its status, then its message."""
    return rf"\b{status}\b.{{0,20}}message\W{{1,8}}{message}"


def _alone(status: int) -> str:
    """The pattern for a status and nothing else, as one types it after `lab explain`."""
    return rf"^\W*{status}\W*$"


def _denied(function: str, actions: str) -> str:
    """The pattern for a function whose execution role does not allow one of these actions."""
    return rf"{function}\S* is not authorized to perform: ({actions})\b"


# One code for each of AWS's protocols.
_BAD_KEYS = (
    r"InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch"
    r"|InvalidSignatureException|InvalidAccessKeyId|IncompleteSignature"
    r"|security token included in the request is invalid"
)

EXPLANATIONS = (
    # -- The tutorial's own errors: they say what to try, and here is some more ----------------
    Explanation(
        name="NotOursError: one of our names is taken",
        pattern=r"NotOursError|Not made by this tutorial, as the tags say",
        means="Something in the account bears a name that the tutorial wants to use, but not "
        "its tags. It may be somebody else's, so the chapter stopped before it changed anything.",
        where="The first cell of every chapter, which looks before anything is made.",
        cure="Set LAB_PREFIX to a word of your own, such as your first name, and start with "
        "chapter 00 again: all names then begin with it. If the thing is yours and of no use, "
        "delete it in the console.",
        example="NotOursError: Not made by this tutorial, as the tags say: SQS queue "
        "CustomerOrders. Nothing was changed. Set LAB_PREFIX to get other names, or rename or "
        "delete it yourself.",
    ),
    Explanation(
        name="MissingStepError: an earlier chapter has not been run",
        pattern=r"MissingStepError|\bthere is no .{1,100} yet: run",
        means="The chapter uses something that an earlier chapter makes, and that is not "
        "there. It may have been made in another region or with another LAB_PREFIX; a local "
        "cloud that was stopped has forgotten everything.",
        where="The first cell of the chapters 01, 03, 04, 05 and 06.",
        cure="`lab goto 03` (with the number of your chapter) runs all that has to come before. "
        "Check that AWS_REGION and LAB_PREFIX are what they were.",
        example="MissingStepError: Chapter 03 builds on chapter 00, but there is no SQS queue "
        "CustomerOrders yet: run 00_take_orders first, or `lab goto 03`, which runs "
        "all that has to come before.",
    ),
    Explanation(
        name="DuplicateError: something of yours is there twice",
        pattern=r"DuplicateError|Expected 1 .{1,100}, found \d+, all of them ours",
        means="AWS lets several REST APIs, usage plans, keys or triggers bear one name, and there "
        "are several that carry your tags. Two set-ups that ran at once make that, or a lost "
        "reply: boto3 repeats the call, and both have worked. The chapter stopped, because "
        "nobody can say which of them is meant.",
        where="The first cell of every chapter, which looks before anything is made.",
        cure="`lab reset 00` (with the number in the message) deletes them all, with what builds "
        "on them; orders that still wait in a queue of that chapter go, too. Then `lab goto 04` "
        "makes everything again, once.",
        example="DuplicateError: Expected 1 REST API Orders, found 2, all of them ours. Nothing "
        "was changed. `lab reset 00` deletes them all, with what builds on chapter 00; then run "
        "that chapter again.",
    ),
    Explanation(
        name="LockedError: another set-up or teardown is at work",
        pattern=r"LockedError|is setting up or tearing down here|which keeps two set-ups apart",
        means="Only one command at a time may make or delete what the chapters make: two at once "
        "would make some of it twice. The other one is on this machine, and the message says "
        "which it is, or why the file of the lock cannot be used.",
        where="`lab up`, `lab goto`, `lab reset 02`, `python teardown.py`, chapter 07, and the "
        "scripts that make or break something.",
        cure="Wait until the other one has ended, or stop it with Ctrl-C in its terminal. It may "
        "also be a notebook's cell that still runs. The lock goes with its process, so there is "
        "nothing to delete. Then run it again: it finds what is there.",
        example="LockedError: Another `lab up` (process 4711, since 14:03:22) is setting up or "
        "tearing down here. Wait until it has ended, or end it; then run this again: it finds what "
        "is there.",
    ),
    Explanation(
        name="SettingsError: a setting has a value that cannot work",
        pattern=r"SettingsError|\b(LAB|AWS)_[A-Z_]+ is ('|not set)",
        means="One of the environment variables that the tutorial reads is wrong or missing; "
        "the message names it.",
        where="The first cell of a chapter, and every command.",
        cure="Set it as the message says, and restart the notebook's kernel, which keeps the "
        "old value. `lab --help` lists the settings.",
        example="SettingsError: LAB_PORT is 'tea'; set it to a port from 1 to 65535.",
    ),
    Explanation(
        name="The local cloud does not start",
        pattern=r"The local cloud (did not start|ended with)|until the local cloud answers",
        means="The local cloud ended before it was ready. Mostly another program has its port.",
        where="`lab start`, and the first cell of a chapter.",
        cure="Set LAB_PORT to another port, such as 4511, in every terminal and for the "
        "notebook. `lab logs --cloud` shows what the local cloud had to say.",
        example="TargetError: The local cloud did not start: localcloud: cannot listen on "
        "127.0.0.1:4510: Address already in use. Stop what runs there, or choose another port",
    ),
    Explanation(
        name="WaitTimeoutError: something did not happen in time",
        pattern=r"WaitTimeoutError|Gave up after \d+ s of waiting",
        means="A step was done, but what should follow did not. Most often a function fails "
        "each time that it runs, or an arrow of the chain is missing.",
        where="Chapters 00, 01 and 02, when a function is tested; chapters 04 to 06, when an "
        "order is followed through the chain.",
        cure="`lab logs` shows what the functions had to say; give the error that you find "
        "there to `lab explain`. `lab check 03` says which arrow is missing.",
        example="WaitTimeoutError: Gave up after 60 s of waiting until order 7c9e is in the "
        "table. `lab logs` shows what the functions had to say.",
    ),
    Explanation(
        name="RefusedError: the order was not accepted",
        pattern=r"RefusedError|The order was not accepted",
        means="The API answered the order with something else than 202.",
        where="Chapter 04, when the order is posted.",
        cure="The line above the error has the status and the reason: give that line to "
        "`lab explain`. `lab check 00` looks at the API and its function.",
        example="RefusedError: The order was not accepted. Look at the answer above, and "
        "`lab logs`.",
    ),
    Explanation(
        name="UnknownChapterError: there is no such chapter",
        pattern=r"UnknownChapterError|There is no chapter '",
        means="A command was given the number of a chapter that does not exist.",
        where="`lab check`, `lab goto` and other commands that take a chapter's number.",
        cure="Give one of the numbers that the message lists, such as `lab check 03`.",
        example="UnknownChapterError: There is no chapter '12'. The chapters are:",
    ),
    Explanation(
        name="The local cloud there is another user's",
        pattern=r"local cloud at \S+ belongs to another user",
        means="On this machine several people work, and the local cloud at that address was "
        "started by somebody else. It is never used: what is in it is theirs.",
        where="Every command and chapter, when LAB_PORT or AWS_ENDPOINT_URL names that address.",
        cure="Unset LAB_PORT and AWS_ENDPOINT_URL: then a free port is found. Or set LAB_PORT to "
        "another port. `lab status` shows the address of yours.",
        example="TargetError: The local cloud at http://127.0.0.1:24510 belongs to another user, "
        "ben. Set LAB_PORT to another port, or unset it.",
    ),
    Explanation(
        name="The local cloud does not answer",
        pattern=r"did not answer within"
        r"|Read timeout on endpoint URL.{0,40}(127\.0\.0\.1|localhost|\[::1\])",
        means="Something listens at that address and says nothing: the local cloud is busy or "
        "hangs, or another program has its port. Whether anything of yours is in it, nobody knows.",
        where="Any step with LAB_TARGET=local. A function that takes long is not meant: "
        "calls of functions wait for a minute and more.",
        cure="Try again in a minute; `lab logs --cloud` shows what it does. If it stays so, end "
        "its process, which the message names (`kill -9` and its number), and then `lab up`: what "
        "it held is gone.",
        example="ReadTimeoutError: Read timeout on endpoint URL: "
        '"http://127.0.0.1:4510/2015-03-31/functions/take_order/invocations"',
    ),
    Explanation(
        name="The key file of the local cloud cannot be used",
        pattern=r"\bThe key file |its key file is missing",
        means="Each start of the local cloud makes an access key, and keeps it in a file that "
        "only you may read. That file is missing, cannot be read, or is not what was written; the "
        "message says which.",
        where="Every command and chapter with LAB_TARGET=local.",
        cure="Do what the message says: once that process is ended, `lab start` makes a new key, "
        "in a cloud that is empty; `lab up` sets it up again.",
        example="TargetError: The key file keys.json is readable by others.",
    ),
    # -- Credentials, before what else the message says ----------------------------------------
    Explanation(
        name="The credentials have expired",
        pattern=r"ExpiredToken|(security )?token (included in the request )?(is|has) expired"
        r"|TokenRetrievalError|UnauthorizedSSOToken|SSOTokenLoadError|LoginRefreshRequired"
        r"|SSO session .{0,60}expired|Your session has expired|Error loading SSO Token",
        means="You work with temporary credentials, and their time is over.",
        where="Any step on AWS, often after a break.",
        cure="Renew them the way that you got them: `aws sso login`, `aws login`, or a new copy "
        "from your access portal. Restart the notebook's kernel, run its first cell, then the "
        "one that failed: all cells can be run again.",
        example="An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: "
        "The security token included in the request is expired",
        local=False,
    ),
    Explanation(
        name="The clock of this machine is wrong",
        pattern=r"Signature (expired|not yet current)|RequestExpired|RequestTimeTooSkewed",
        means="Each request carries its time, and AWS refuses one that is off by more than "
        "some minutes.",
        where="Any step on AWS, often in a virtual machine or WSL that was asleep. With the local "
        "cloud, a request that was signed long before it was sent, or in a container whose clock "
        "differs.",
        cure="Let the operating system set its clock from the network, or restart the virtual "
        "machine (`wsl --shutdown` for WSL). Then run the cell again.",
        example="An error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity "
        "operation: Signature expired: 20261122T001427Z is now earlier than 20261122T014428Z "
        "(20261122T015928Z - 15 min.)",
    ),
    Explanation(
        name="The request is signed for another region",
        pattern=r"Credential should be scoped to a valid region",
        means="Requests carry the region that they are meant for, and this one came to another.",
        where="Any step on AWS, when AWS_ENDPOINT_URL or a client's own address names a region "
        "that is not AWS_REGION.",
        cure="Unset AWS_ENDPOINT_URL, set AWS_REGION to the region that you mean, and restart "
        "the notebook's kernel.",
        example="An error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity "
        "operation: Credential should be scoped to a valid region, not 'eu-west-1'.",
        local=False,
    ),
    Explanation(
        name="The keys are not those of the local cloud that runs",
        pattern=_BAD_KEYS + r"|\bMissingAuthenticationToken\w*|Request is missing Authentication",
        means="Each start of the local cloud makes new keys, and only what is signed with them is "
        "answered. These are those of an earlier start, of another cloud, or made up; or the "
        "request is not signed at all.",
        where="A notebook or a terminal that was open before the local cloud was started again; "
        "another AWS client, such as the AWS CLI.",
        cure="In a notebook restart the kernel and run the first cell again, in Python make a new "
        '`lab.session()`; in a terminal run `eval "$(lab env)"` again. A new local cloud is '
        "empty: `lab goto 03` makes again what came before chapter 03. Did AWS itself say this? "
        "Then `aws sts get-caller-identity` tries your credentials: unset AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN if you use a profile, or make new ones with "
        "`aws configure` or `aws sso login`.",
        example="An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity "
        "operation: The security token included in the request is invalid.",
        local_only=True,
    ),
    Explanation(
        name="The credentials are not valid",
        pattern=_BAD_KEYS + r"|AuthFailure|CredentialRetrievalError",
        means="AWS does not know the access key, or the secret key does not belong to it, or a "
        "session token is missing or left over from other credentials. A region that is not "
        "enabled in the account gives the same answer.",
        where="Any step on AWS; mostly the first cell of the first chapter that you run.",
        cure="`aws sts get-caller-identity` tries them without us. Unset AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN if you use a profile, set AWS_PROFILE, or "
        "make new ones with `aws configure` or `aws sso login`. Check AWS_REGION.",
        example="An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity "
        "operation: The security token included in the request is invalid.",
        local=False,
    ),
    Explanation(
        name="There are no credentials",
        pattern=r"NoCredentialsError|Unable to locate credentials|there are no AWS credentials"
        r"|PartialCredentials|Partial credentials found|NoAuthTokenError",
        means="boto3 found no access key: not in the environment, in no profile, nowhere.",
        where="The first cell of a chapter with LAB_TARGET=aws, or a client that you made with "
        "boto3 alone instead of `lab.session()`.",
        cure="Run `aws configure` or `aws sso login`, or set AWS_PROFILE. To work on this "
        "machine, unset LAB_TARGET: that needs no credentials.",
        example="NoCredentialsError: Unable to locate credentials",
    ),
    Explanation(
        name="The profile does not exist",
        pattern=r"ProfileNotFound|The config profile \(.{0,80}\) could not be found",
        means="AWS_PROFILE names a profile that is not in the AWS configuration files.",
        where="The first cell of a chapter, with LAB_TARGET=aws.",
        cure="`aws configure list-profiles` lists those that there are. Set AWS_PROFILE to one "
        "of them, or unset it.",
        example="ProfileNotFound: The config profile (tutorial) could not be found",
    ),
    Explanation(
        name="There is no region",
        pattern=r"NoRegionError|You must specify a region|but there is no region"
        r"|InvalidRegionError|Provided region_name .{0,80} doesn't match",
        means="boto3 does not know in which region to work, or the name cannot be one.",
        where="The first cell of a chapter with LAB_TARGET=aws, or a client that you made with "
        "boto3 alone instead of `lab.session()`.",
        cure="Set AWS_REGION, for example to us-east-1, and restart the notebook's kernel.",
        example="NoRegionError: You must specify a region.",
    ),
    # -- Where nobody answers ------------------------------------------------------------------
    Explanation(
        name="The local cloud is not running",
        pattern=r"No local cloud (runs|answers) (at|for)"
        r"|(connect\w*|timeout)\b.{0,100}(127\.0\.0\.1|localhost)"
        r"|(127\.0\.0\.1|localhost).{0,200}(connection refused|refused it)",
        means="Nothing listens at the local cloud's address. It was stopped, or the machine was "
        "restarted; what it held is gone.",
        where="Any step with LAB_TARGET=local, most often in a notebook that was left open.",
        cure="`lab start`, then `lab goto 03` with the number of your chapter makes again "
        "what came before it. `lab status` shows the address; LAB_PORT changes the port. Is "
        "AWS_ENDPOINT_URL set? Then the chapters go where it says: unset it.",
        example="EndpointConnectionError: Could not connect to the endpoint URL: "
        '"http://127.0.0.1:4510/"',
    ),
    Explanation(
        name="AWS cannot be reached: a wrong region or no connection",
        pattern=r"Could not connect to the endpoint URL|EndpointConnectionError"
        r"|ConnectTimeoutError|(Connect|Read) timeout on endpoint|ProxyConnectionError"
        r"|SSL validation failed|Name or service not known|getaddrinfo failed",
        means="There is no such address, or no way to it. The address has the region in it: "
        "one that is misspelled (us-esat-1) is an address that does not exist.",
        where="Any step on AWS; mostly the first cell.",
        cure="Read the region in the address and set AWS_REGION right. If it is right, look at "
        "the network: VPN, proxy (HTTPS_PROXY), firewall.",
        example="EndpointConnectionError: Could not connect to the endpoint URL: "
        '"https://sqs.us-esat-1.amazonaws.com/"',
        local=False,
    ),
    # -- Access denied, hop by hop -------------------------------------------------------------
    Explanation(
        name="KMSAccessDeniedException: the function's variables cannot be decrypted",
        pattern=r"KMSAccessDenied|unable to decrypt the environment variables",
        means="Lambda keeps a function's environment variables encrypted, for the execution role "
        "that it had when they were set. That role was deleted, and the one that bears its name "
        "now is another.",
        where="Any step that runs a function, after its role was deleted and made again.",
        cure="`lab reset 00` (or 01, 02: the chapter of the function), then run the chapters from "
        "there again: that makes the function anew, too.",
        example="An error occurred (KMSAccessDeniedException) when calling the Invoke operation: "
        "Lambda was unable to decrypt the environment variables because KMS access was denied. "
        "Please check the function's KMS key settings.",
        local=False,
    ),
    Explanation(
        name="AccessDenied: take_order may not use the queue",
        pattern=_denied("take_order", "sqs:(SendMessage|GetQueueUrl|CreateQueue|TagQueue)"),
        means="The execution role of take_order does not allow the call to SQS in the message. "
        "The order was not accepted, and the shop got a 502.",
        where="Chapter 00, when the function is tested or the API is tried; chapter 04, when "
        "the order is posted.",
        cure="A new policy takes some seconds to be known everywhere: try again first. Then "
        "`lab check 00`, and run the cell of chapter 00 that calls put_role_policy: it allows "
        "SendMessage, GetQueueUrl, CreateQueue and TagQueue on CustomerOrders.",
        example="An error occurred (AccessDenied) when calling the SendMessage operation: User: "
        "arn:aws:sts::123456789012:assumed-role/take_order-role-us-east-1/take_order is not "
        "authorized to perform: sqs:sendmessage on resource: "
        "arn:aws:sqs:us-east-1:123456789012:CustomerOrders because no identity-based policy "
        "allows the sqs:sendmessage action",
    ),
    Explanation(
        name="The role of notify_fulfillment may not read the queue",
        pattern=r"execution role does not have permissions to call "
        r"(Receive|Delete|Change|Get|List)\w+ on SQS"
        r"|" + _denied("notify_fulfillment", r"sqs:\w+"),
        means="Lambda polls the queue as the function's execution role, and tries that before "
        "it makes the trigger. The role lacks ReceiveMessage, DeleteMessage or "
        "GetQueueAttributes on CustomerOrders.",
        where="Chapter 03, when the trigger is made. The role is chapter 01's.",
        cure="The chapter repeats the call for two minutes, because a new policy takes a "
        "while to be known everywhere. After that: `lab check 01`, and run the cell of chapter "
        "01 that calls put_role_policy.",
        example="An error occurred (InvalidParameterValueException) when calling the "
        "CreateEventSourceMapping operation: The provided execution role does not have "
        "permissions to call ReceiveMessage on SQS",
    ),
    Explanation(
        name="AccessDenied: notify_fulfillment may not publish",
        pattern=_denied("notify_fulfillment", "sns:Publish"),
        means="The execution role of notify_fulfillment does not allow sns:Publish on the topic "
        "Orders. (PublishBatch is the same action.) The orders go back to the queue, and after "
        "five attempts to its dead-letter queue.",
        where="Chapter 01, when the function is tested; chapters 04 to 06, when an order is on "
        "its way to the topic.",
        cure="`lab check 01`, and run the cell of chapter 01 that calls put_role_policy. Then "
        "`lab redrive` sends the orders back.",
        example="An error occurred (AuthorizationError) when calling the Publish operation: "
        "User: arn:aws:sts::123456789012:assumed-role/notify_fulfillment-role-us-east-1/"
        "notify_fulfillment is not authorized to perform: SNS:Publish on resource: "
        "arn:aws:sns:us-east-1:123456789012:Orders because no identity-based policy allows the "
        "SNS:Publish action",
    ),
    Explanation(
        name="AccessDenied: record_order may not write to the table",
        pattern=_denied("record_order", "dynamodb:PutItem"),
        means="The execution role of record_order does not allow dynamodb:PutItem on the table "
        "Orders. After two retries the order is in the function's dead-letter queue.",
        where="Chapter 02, when the function is tested; chapters 04 to 06, at the chain's end.",
        cure="`lab check 02`, and run the cell of chapter 02 that calls put_role_policy. Does "
        "the message name another table or region than yours? Then look at TABLE_NAME in the "
        "function's environment. `lab redrive` sends the orders back.",
        example="An error occurred (AccessDeniedException) when calling the PutItem operation: "
        "User: arn:aws:sts::123456789012:assumed-role/record_order-role-us-east-1/record_order "
        "is not authorized to perform: dynamodb:PutItem on resource: "
        "arn:aws:dynamodb:us-east-1:123456789012:table/Orders because no identity-based policy "
        "allows the dynamodb:PutItem action",
    ),
    Explanation(
        name="The role of record_order may not use its dead-letter queue",
        pattern=r"execution role does not have permissions to call SendMessage on SQS",
        means="A function that has a dead-letter queue needs sqs:SendMessage on it, and Lambda "
        "tries that when the function is made.",
        where="Chapter 02, when the function is made.",
        cure="The chapter repeats the call for two minutes, because a new policy takes a "
        "while to be known everywhere. After that: run the cell of chapter 02 that calls "
        "put_role_policy, then the one that failed.",
        example="An error occurred (InvalidParameterValueException) when calling the "
        "CreateFunction operation: The provided execution role does not have permissions to "
        "call SendMessage on SQS",
    ),
    Explanation(
        name="AccessDenied: take_order may not tell stakeholders",
        pattern=_denied("take_order", "sns:Publish"),
        means="There was no queue, take_order made one, and was to tell the stakeholders' topic. "
        "Its execution role does not allow sns:Publish on that. The order is safe: it is on the "
        "new queue, and the shop got its 202.",
        where="The logs of take_order, after the queue was deleted.",
        cure="`lab check 00`, and run the cell of chapter 00 that calls put_role_policy.",
        example="An error occurred (AuthorizationError) when calling the Publish operation: "
        "User: arn:aws:sts::123456789012:assumed-role/take_order-role-us-east-1/take_order is "
        "not authorized to perform: SNS:Publish on resource: "
        "arn:aws:sns:us-east-1:123456789012:Orders-stakeholders because no identity-based policy "
        "allows the SNS:Publish action",
    ),
    Explanation(
        name="AccessDenied: a function does more than its role allows",
        pattern=r"(take_order|notify_fulfillment|record_order)\S* is not authorized to perform",
        means="Each function may do only what its job needs, on that one queue, topic or "
        "table. The message names the action that it tried and the resource.",
        where="The function that the message names after assumed-role, when it runs.",
        cure="If you changed the function, add the action to the policy in its chapter (the "
        "cells before put_role_policy) and run them. If not: `lab check 02`, or the number of "
        "the function's chapter.",
        example="An error occurred (AccessDeniedException) when calling the Query operation: "
        "User: arn:aws:sts::123456789012:assumed-role/record_order-role-us-east-1/record_order "
        "is not authorized to perform: dynamodb:Query on resource: "
        "arn:aws:dynamodb:us-east-1:123456789012:table/Orders because no identity-based policy "
        "allows the dynamodb:Query action",
    ),
    Explanation(
        name="The account is not ready for this service",
        pattern=r"SubscriptionRequired|OptInRequired|needs a subscription for the service",
        means="The account is new or not fully activated, or the service is switched off in it.",
        where="Any step on AWS, in an account that is some hours old.",
        cure="Finish the sign-up (payment method, phone verification) and wait; activation can "
        "take up to 24 hours. The local cloud needs no account: unset LAB_TARGET.",
        example="An error occurred (SubscriptionRequiredException) when calling the "
        "ListFunctions operation: The AWS Access Key Id needs a subscription for the service",
        local=False,
    ),
    Explanation(
        name="AccessDenied: your own credentials may not do this",
        pattern=r"AccessDenied|AuthorizationError|is not authorized to perform"
        r"|UnauthorizedOperation",
        means="The user or role that you work as lacks the permission in the message. An "
        "account that somebody else manages can forbid it for all, too: then the message says "
        "explicit deny or service control policy.",
        where="Any step on AWS that makes something; most often chapter 00, when it makes a role.",
        cure="`aws sts get-caller-identity` shows who you are. Ask who manages the account to "
        "allow the action in the message, iam:PassRole included; or use an account of your own.",
        example="An error occurred (AccessDenied) when calling the CreateRole operation: User: "
        "arn:aws:iam::123456789012:user/ana is not authorized to perform: iam:CreateRole on "
        "resource: arn:aws:iam::123456789012:role/take_order-role-us-east-1 because no "
        "identity-based policy allows the iam:CreateRole action",
    ),
    # -- Making functions ----------------------------------------------------------------------
    Explanation(
        name="LimitExceeded: the account has as many roles as it may",
        pattern=r"quota for RolesPerAccount|LimitExceeded.{0,40}CreateRole",
        means="An account may have 1,000 roles unless its quota was raised, counted over all "
        "regions and everybody in it. Each learner makes three.",
        where="Chapters 00, 01 and 02, when the role is made, mostly in a room full of learners.",
        cure="Ask who manages the account to delete roles that nobody uses (`python teardown.py` "
        "deletes yours), or to raise the quota in Service Quotas, IAM.",
        example="An error occurred (LimitExceeded) when calling the CreateRole operation: Cannot "
        "exceed quota for RolesPerAccount: 1000",
        local=False,
    ),
    Explanation(
        name="Lambda cannot assume the role yet",
        pattern=r"role defined for the function cannot be assumed by Lambda",
        means="IAM needs some seconds until a new role is known everywhere. If it lasts, the "
        "role does not exist, or its trust policy does not name lambda.amazonaws.com.",
        where="Chapters 00, 01 and 02, when the function is made.",
        cure="The chapters repeat the call for two minutes. After that, run the chapter's cells "
        "from the one that makes the role. `lab check 00` looks at the trust policy.",
        example="An error occurred (InvalidParameterValueException) when calling the "
        "CreateFunction operation: The role defined for the function cannot be assumed by "
        "Lambda.",
    ),
    Explanation(
        name="The function is still being changed",
        pattern=r"operation cannot be performed at this time",
        means="Lambda is still busy with the last change to the function, or with making it.",
        where="Chapters 00, 01 and 02, when a function that is there is updated.",
        cure="Run the cell again in some seconds. In code of your own, wait with the waiters "
        "function_active_v2 and function_updated_v2, as the chapters do.",
        example="An error occurred (ResourceConflictException) when calling the "
        "UpdateFunctionConfiguration operation: The operation cannot be performed at this time. "
        "An update is in progress for resource: "
        "arn:aws:lambda:us-east-1:123456789012:function:take_order",
        local=False,
    ),
    Explanation(
        name="ResourceConflictException: the function exists",
        pattern=r"Function already exist",
        means="There is a function of that name already.",
        where="Chapters 00, 01 and 02, when the function is made, if you took the except branch "
        "away.",
        cure="Catch ResourceConflictException and update the function, as the chapter does; or "
        "delete the function first. `lab check 00` says whether it is as it should be.",
        example="An error occurred (ResourceConflictException) when calling the CreateFunction "
        "operation: Function already exist: take_order",
    ),
    Explanation(
        name="ResourceConflictException: the permission exists",
        pattern=r"The statement id .{0,120} provided already exists",
        means="The function's policy has a statement with that id. A statement cannot be "
        "changed, only removed and added.",
        where="Chapter 00, when the API is allowed to invoke take_order; chapter 03, when the "
        "topic is allowed to invoke record_order.",
        cure="If the permission is the one that you want, go on. To change it, call "
        "remove_permission with the statement id first. `lab check 03` says whether it is right.",
        example="An error occurred (ResourceConflictException) when calling the AddPermission "
        "operation: The statement id (orders-topic) provided already exists. Please provide a "
        "new statement id, or remove the existing statement.",
    ),
    Explanation(
        name="ResourceConflictException: the trigger exists",
        pattern=r"event source arn .{0,300} mapping already exists",
        means="The queue triggers this function already: there is one event source mapping for "
        "a queue and a function.",
        where="Chapter 03, when the trigger is made.",
        cure="Look before you make, as the chapter does (list_event_source_mappings). To change "
        "the trigger, call update_event_source_mapping with the UUID in the message.",
        example="An error occurred (ResourceConflictException) when calling the "
        'CreateEventSourceMapping operation: The event source arn (" '
        'arn:aws:sqs:us-east-1:123456789012:CustomerOrders ") and function (" '
        'notify_fulfillment ") provided mapping already exists. Please update or delete the '
        "existing mapping with UUID e8a16396-c70d-455e-b719-2f366c3fc2b4",
    ),
    Explanation(
        name="ResourceInUseException: the trigger is being changed",
        pattern=r"event source mapping.{0,40} (in use|being updated)"
        r"|ResourceInUse.{0,60}EventSourceMapping",
        means="Lambda takes some seconds to make, change or delete a trigger, and lets nobody "
        "change it meanwhile.",
        where="Chapters 03 and 06, when the trigger is made or switched; chapter 07, when it "
        "is deleted.",
        cure="Run the cell again in some seconds: the state must be Enabled or Disabled.",
        example="An error occurred (ResourceInUseException) when calling the "
        "UpdateEventSourceMapping operation: Cannot update the event source mapping because it "
        "is in use.",
        local=False,
    ),
    Explanation(
        name="The queue's visibility timeout is too short",
        pattern=r"Queue visibility timeout: \d+ seconds is less than Function timeout",
        means="A message would come back to the queue while the function is still at work on "
        "it, so Lambda refuses the trigger.",
        where="Chapter 03, when the trigger is made.",
        cure="Run chapter 00 again: it sets CustomerOrders to 90 seconds, six times the "
        "function's timeout of 15, as AWS advises. `lab check 00` shows what is set.",
        example="An error occurred (InvalidParameterValueException) when calling the "
        "CreateEventSourceMapping operation: Queue visibility timeout: 30 seconds is less than "
        "Function timeout: 60 seconds",
    ),
    Explanation(
        name="The runtime is no longer supported",
        pattern=r"runtime parameter of \S+ is no longer supported",
        means="AWS has withdrawn that version of Python for new functions. The article's "
        "python3.9 is one of those that go.",
        where="Chapters 00, 01 and 02, when the function is made, if you changed the runtime.",
        cure="Use `lab.RUNTIME` as the chapters do, and get the newest tutorial.",
        example="An error occurred (InvalidParameterValueException) when calling the "
        "CreateFunction operation: The runtime parameter of python3.7 is no longer supported "
        "for creating or updating AWS Lambda functions. We recommend you use the new runtime "
        "(python3.12) while creating or updating functions.",
        local=False,
    ),
    # -- Queues and tables ---------------------------------------------------------------------
    Explanation(
        name="QueueDeletedRecently: the queue's name is not free yet",
        pattern=r"QueueDeletedRecently|must wait 60 seconds after deleting a queue",
        means="SQS keeps a queue's name for 60 seconds after the queue was deleted.",
        where="Chapters 00, 02 and 03, when a queue is made, shortly after a teardown.",
        cure="The chapters wait by themselves. In code of your own, wait a minute and try again.",
        example="An error occurred (AWS.SimpleQueueService.QueueDeletedRecently) when calling "
        "the CreateQueue operation: You must wait 60 seconds after deleting a queue before you "
        "can create another with the same name.",
        local=False,
    ),
    Explanation(
        name="QueueNameExists: the queue is there with other attributes",
        pattern=r"QueueNameExists|QueueAlreadyExists",
        means="CreateQueue returns a queue that is there only if the attributes in the call are "
        "the ones that it has.",
        where="Chapters 00, 02 and 03, when a queue is made that somebody has changed.",
        cure="Call set_queue_attributes on the queue, as chapter 00 does, or delete it and wait "
        "a minute. `lab check 00` names the attribute.",
        example="An error occurred (QueueAlreadyExists) when calling the CreateQueue operation: "
        "A queue already exists with the same name and a different value for attribute "
        "VisibilityTimeout",
    ),
    Explanation(
        name="ResourceInUseException: the table is being made or deleted",
        pattern=r"Table is being (deleted|created|updated)|change a resource .{0,20}in use",
        means="DynamoDB takes some seconds to make or delete a table, and its name is taken "
        "for that time.",
        where="Chapter 02, when the table is made shortly after a teardown; chapter 07.",
        cure="Run the cell again in half a minute. In code of your own, wait with the waiters "
        "table_exists and table_not_exists.",
        example="An error occurred (ResourceInUseException) when calling the CreateTable "
        "operation: Attempt to change a resource which is still in use: Table is being "
        "deleted: Orders",
        local=False,
    ),
    Explanation(
        name="ResourceInUseException: the table exists",
        pattern=r"Table already exists|ResourceInUseException.{0,60}CreateTable",
        means="There is a table of that name already.",
        where="Chapter 02, when the table is made, if you took the except branch away.",
        cure="Catch ResourceInUseException, as the chapter does. `lab check 02` says whether "
        "the table has the right key and index.",
        example="An error occurred (ResourceInUseException) when calling the CreateTable "
        "operation: Table already exists: Orders",
    ),
    Explanation(
        name="Dead letters cannot be sent back: no queue names theirs",
        pattern=r"Source queue must be configured as a Dead Letter Queue",
        means="SQS moves messages out of a dead-letter queue only while another queue names it "
        "in its redrive policy. The queue of orders is gone, or names no dead-letter queue.",
        where="`lab redrive`, and chapter 06.",
        cure="`lab check 00` says what is wrong. Run chapter 00: it makes the queue, or sets its "
        "redrive policy. Then `lab redrive` again.",
        example="An error occurred (InvalidParameterValue) when calling the StartMessageMoveTask "
        "operation: Source queue must be configured as a Dead Letter Queue.",
    ),
    Explanation(
        name="The queue does not exist",
        pattern=r"NonExistentQueue|QueueDoesNotExist|specified queue does not exist"
        r"|Invalid EventSourceArn",
        means="There is no queue of that name in this region. SQS says the same to somebody "
        "who may not see it.",
        where="Chapters 03 to 06, when chapter 00 was run in another region or with another "
        "LAB_PREFIX, or after a teardown.",
        cure="`lab check 00`. If the queue is gone, `lab goto 03` (with the number of your "
        "chapter) makes it again.",
        example="An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the "
        "GetQueueUrl operation: The specified queue does not exist.",
    ),
    Explanation(
        name="The log group does not exist",
        pattern=r"The specified log (group|stream) does not exist|There is no log group",
        means="The function has no log group, so nothing that it says can be kept. The chapters "
        "make it, because the functions may not.",
        where="`lab logs`, before the function's chapter was run or after a teardown.",
        cure="Run the chapter of the function; `lab check 00` (or 01, 02) says whether the "
        "group is there.",
        example="An error occurred (ResourceNotFoundException) when calling the "
        "FilterLogEvents operation: The specified log group does not exist.",
    ),
    Explanation(
        name="The table does not exist",
        pattern=r"Requested resource not found",
        means="There is no table of that name in this region.",
        where="Chapters 04 to 06, and in the logs of record_order, when chapter 02 was run in "
        "another region or with another LAB_PREFIX, or after a teardown.",
        cure="`lab check 02`. Run chapter 02 if the table is gone; orders that came meanwhile "
        "are in record_order's dead-letter queue.",
        example="An error occurred (ResourceNotFoundException) when calling the PutItem "
        "operation: Requested resource not found",
    ),
    Explanation(
        name="The topic does not exist",
        pattern=r"Topic does not exist|NotFound\w*\).{0,40}(Publish|Subscribe|Topic)",
        means="There is no topic with that ARN in this region.",
        where="Chapter 03, when record_order is subscribed, and in the logs of notify_fulfillment; "
        "if it is the stakeholders' topic, in those of take_order.",
        cure="`lab check 01`. Run chapter 01 if the topic is gone: it lets the trigger rest, so "
        "that no order is published while nobody listens. Then run chapter 03, which subscribes "
        "record_order again. (The stakeholders' topic is made by chapter 00.)",
        example="An error occurred (NotFound) when calling the Publish operation: Topic does "
        "not exist",
    ),
    Explanation(
        name="The function does not exist",
        pattern=r"Function not found|Function does not exist",
        means="There is no function of that name in this region.",
        where="Chapter 03, when the trigger or the permission is made; `lab logs`, tests of "
        "your own.",
        cure="`lab check 00` (or 01, 02: the function's chapter), and run that chapter again. "
        "Functions have LAB_PREFIX before their names, too.",
        example="An error occurred (ResourceNotFoundException) when calling the Invoke "
        "operation: Function not found: "
        "arn:aws:lambda:us-east-1:123456789012:function:take_order",
    ),
    # -- Inside the functions ------------------------------------------------------------------
    Explanation(
        name="A function took too long",
        pattern=r"Task timed out after|Sandbox\.Timedout",
        means="The function did not finish within its timeout, and Lambda ended it. With "
        "LAB_TARGET=aws that is mostly a call that waits for a service it cannot reach.",
        where="The logs of a function, and chapters 00, 01 and 02, when it is tested.",
        cure="`lab logs` shows how far it came. The chapters set 15 seconds; Lambda's own "
        "default is 3. `lab check 00` (or 01, 02) compares the setting.",
        example="2026-11-22T10:00:03.005Z 5b8f2c61-9f7e-4b0c-a3d1-1f6a3d2c7e90 Task timed out "
        "after 3.00 seconds",
    ),
    Explanation(
        name="Lambda cannot load the function's code",
        pattern=r"ImportModuleError|HandlerNotFound|UserCodeSyntaxError|Unable to import module"
        r"|Handler '\S+' missing on module",
        means="The handler is `file.function`, and there is no such file in the package, no "
        "such function in the file, or the file fails when it is imported.",
        where="Chapters 00, 01 and 02, when the function is tested; often after code was pasted "
        "into the console, whose file is called lambda_function.py.",
        cure="Run the cell that makes the function: it sends the package and the handler (for "
        "example take_order.lambda_handler) again. `lab logs` shows the line at fault.",
        example="[ERROR] Runtime.ImportModuleError: Unable to import module 'take_order': No "
        "module named 'take_order'",
    ),
    Explanation(
        name="A function lacks an environment variable",
        pattern=r"KeyError\W{1,4}(QUEUE_NAME|TOPIC_ARN)"
        r"|(QUEUE_NAME|TOPIC_ARN)\W{1,8}errorType\W{1,6}KeyError",
        means="take_order reads the queue's name from QUEUE_NAME, notify_fulfillment the "
        "topic's ARN from TOPIC_ARN, and it is not set.",
        where="Chapters 00 and 01, when the function is tested, mostly one that was made in the "
        "console.",
        cure="Run the cell of chapter 00 or 01 that makes the function: it sets the "
        "environment. `lab check 01` shows what is missing.",
        example="[ERROR] KeyError: 'TOPIC_ARN'",
    ),
    Explanation(
        name="The same order id came with another content",
        pattern=r"order \S{1,70} exists already, with another",
        means="An order's id stands for one order. The first one is in the table and is not "
        "overwritten; the other ends in record_order's dead-letter queue, where somebody sees "
        "it.",
        where="The logs of record_order, in chapters 02 to 06.",
        cure="That is on purpose. Give each order an id of its own, or none: take_order then "
        "makes one. `lab dead-letters` lists the orders that are in this queue.",
        example="[ERROR] ConflictError: order chapter-02 exists already, with another quantity",
    ),
    # -- Answers of the API --------------------------------------------------------------------
    Explanation(
        name="403 Missing Authentication Token: there is no such route",
        pattern=r"Missing Authentication Token",
        means="In spite of the name this is API Gateway's 404: no method is deployed under "
        "this path. /orders takes POST only.",
        where="Chapters 00 and 04, when you call the API yourself, often with a browser.",
        cure="The address ends in /prod/orders, and the method is POST. If it is right, the "
        "stage is older than the method: `lab check 00`, and deploy again with "
        "create_deployment.",
        example='403 {"message":"Missing Authentication Token"}',
    ),
    Explanation(
        name="403 Forbidden: no valid API key",
        pattern=r"message\W{1,8}Forbidden\b|\b403 Forbidden|\b403\b.{0,40}ForbiddenException"
        rf"|{_alone(403)}",
        means="The method asks for an API key, and there was none, or one that no usage plan "
        "of this stage holds. A stage or an API that does not exist answers the same. (If the "
        'answer says "Missing Authentication Token", it is not the key but the address.)',
        where="Chapters 00 and 04, when you call the API yourself.",
        cure="Send the key in the header x-api-key. `lab check 00` looks at key and usage plan. "
        "A new key can take some minutes to be known everywhere.",
        example='403 {"message":"Forbidden"}',
    ),
    Explanation(
        name="TooManyRequestsException: APIs are deleted too fast",
        pattern=r"TooManyRequests.{0,60}DeleteRestApi",
        means="An account may delete one REST API in 30 seconds, counted for everybody in it.",
        where="Chapter 07 and `python teardown.py`.",
        cure="Teardown waits and tries again by itself, for up to 20 minutes. If it gave up, "
        "run it again. In the console, wait half a minute.",
        example="An error occurred (TooManyRequestsException) when calling the DeleteRestApi "
        "operation (reached max retries: 4): Too Many Requests",
        local=False,
    ),
    Explanation(
        name="429 Limit Exceeded: the day's quota is used up",
        pattern=r"message\W{1,8}Limit Exceeded|\b429\b.{0,40}Limit Exceeded",
        means="The usage plan allows 10,000 orders a day with this key, and they are spent.",
        where="Chapters 04 and 05, if you send many more orders than they do.",
        cure="Wait until the next day, or raise the quota of the usage plan Orders-shop-plan "
        "(API Gateway in the console, Usage plans).",
        example='429 {"message":"Limit Exceeded"}',
    ),
    Explanation(
        name="429 Too Many Requests: orders come too fast",
        pattern=r"message\W{1,8}Too Many Requests|\b429\b.{0,40}Too Many Requests|" + _alone(429),
        means="The usage plan allows 20 orders a second, in bursts of up to 40.",
        where="Chapters 05 and 06, and code of your own that posts without a pause.",
        cure="Wait a second and send the order again: it was not taken. With its own order_id "
        "an order can be sent as often as you like.",
        example='429 {"message":"Too Many Requests"}',
    ),
    Explanation(
        name="500 from the API: it may not or cannot call take_order",
        pattern=_answer(500, "Internal server error")
        + rf"|Invalid permissions on Lambda function|status: 500\b|{_alone(500)}",
        means="API Gateway could not invoke the function: it is gone, Lambda throttled it, or its "
        "policy does not allow this API to. The function did not run, so its logs say nothing.",
        where="Chapter 00, when the API is tried; chapter 04, when the order is posted.",
        cure="`lab check 00`, and run the cell of chapter 00 that calls add_permission. A new "
        "API has a new id, and needs a new permission.",
        example='500 {"message": "Internal server error"}',
    ),
    Explanation(
        name="502 from the API: take_order failed",
        pattern=_answer(502, "Internal server error")
        + r"|Malformed Lambda proxy response|customer function error|status: 502\b|"
        + _alone(502),
        means="The function ran and raised an error, or returned something that is no answer: "
        "it must have a statusCode, and its body must be text. The order may be on the queue, or "
        "not.",
        where="Chapter 00, when the API is tried; chapter 04, when the order is posted.",
        cure="`lab logs take_order` shows the error; give that to `lab explain`. Then send the "
        "order again with the same order_id: it is recorded once.",
        example='502 {"message": "Internal server error"}',
    ),
    Explanation(
        name="504 from the API: take_order was too slow",
        pattern=r"Endpoint request timed out|\b504 Gateway Time-?out|" + _alone(504),
        means="API Gateway waits 29 seconds for the function, unless the account's limit is "
        "higher. The function may still have finished: the order can be on the queue.",
        where="Chapters 00 and 04, when an order is posted.",
        cure="`lab logs take_order` shows what it waited for. Post the order again with the "
        "same order_id: it will be there once.",
        example='504 {"message": "Endpoint request timed out"}',
    ),
    Explanation(
        name="Internal server error: a 500 or a 502",
        pattern=r"Internal server error",
        means="The API failed; the text is the same for two causes. With the status 500 API "
        "Gateway could not call the function, with 502 the function failed.",
        where="Chapters 00 and 04, when an order is posted.",
        cure="Look at the status (`curl -i` shows it). 502: `lab logs take_order`. 500: "
        "`lab check 00`.",
        example='{"message": "Internal server error"}',
    ),
    Explanation(
        name="400 from the API: the order is malformed",
        pattern=r"Invalid request body|product: 1 to 200 characters"
        r"|\b(body|product|quantity|order_id|customer_email): must be |is not a field of an order|"
        + _alone(400),
        means="The order has not the form that the model Order asks for, so it was refused, "
        "and is not on the queue.",
        where="Chapters 00, 04 and 06, when an order is posted.",
        cure="Send JSON with product (1 to 200 characters) and quantity (a whole number, 1 to "
        "10000), and at most order_id and customer_email besides. The answer says what is wrong.",
        example='400 {"message": "Invalid request body"}',
    ),
    # -- Mail ----------------------------------------------------------------------------------
    Explanation(
        name="The e-mail address is not confirmed",
        pattern=r"Pending ?Confirmation|open the link in (that|its first) mail"
        r"|has not opened the link",
        means="SNS sends orders to an address only after its reader has opened the link in the "
        "first mail. Until then the subscription is pending; it cannot be deleted, and expires "
        "after 48 hours.",
        where="Chapter 01, after the subscription; chapter 04, when the mail is awaited.",
        cure="Open the link in the mail from AWS Notifications; look in the spam folder. No "
        "mail? Check LAB_EMAIL and run the cell of chapter 01 that subscribes once more. With "
        "the local cloud, `lab mail` shows the mail.",
        example='"SubscriptionArn": "PendingConfirmation"',
    ),
    # -- Python and the notebook ---------------------------------------------------------------
    Explanation(
        name="No module named lab: the notebook has another Python",
        pattern=r"No module named '?"
        r"(lab|localcloud|teardown|boto3|botocore|urllib3|matplotlib|click|rich|moto)\b",
        means="The notebook's kernel, or the terminal, runs a Python that has not what the "
        "tutorial needs. That is in the folder .venv.",
        where="The first cell of a chapter.",
        cure="Choose the kernel of the project's .venv (Kernel, Change Kernel; in VS Code: "
        "Select Kernel, Python Environments), or start Jupyter with `make lab`. In a terminal: "
        "`.venv/bin/python scripts/00_take_orders.py`.",
        example="ModuleNotFoundError: No module named 'lab'",
    ),
    Explanation(
        name="NameError: a cell before this one has not been run",
        pattern=r"name '\w+' is not defined",
        means="The cell uses something that an earlier cell makes. A kernel that was restarted "
        "has forgotten all of them.",
        where="Any cell but the first of a notebook.",
        cure="Run, Run All Above Selected Cell: all cells can be run again, what is in the "
        "cloud is found and not made twice.",
        example="NameError: name 'aws' is not defined",
    ),
    Explanation(
        name="ParamValidationError: the call is written wrong",
        pattern=r"ParamValidationError|Parameter validation failed",
        means="boto3 checked the call before it sent it: a parameter is missing, misspelled "
        "or of another type. Nothing was changed.",
        where="A cell that you changed, or an exercise.",
        cure="The lines after the first name the parameter. Compare the call with the "
        "operation's page in the boto3 documentation, or take the cell as it was from scripts/.",
        example="ParamValidationError: Parameter validation failed:\n"
        'Missing required parameter in input: "QueueName"',
    ),
    # -- What is left: the most general --------------------------------------------------------
    Explanation(
        name="TargetError: the chosen cloud cannot be used",
        pattern=r"TargetError|LAB_TARGET is aws, but AWS cannot be used",
        means="The tutorial could not begin to work with the cloud that LAB_TARGET names.",
        where="The first cell of a chapter, and commands that ask the cloud.",
        cure="The message says why. On this machine: `lab status` and `lab start`. On AWS: "
        "`aws sts get-caller-identity` tries the credentials without us.",
        example="TargetError: LAB_TARGET is aws; `lab stop` is for the local cloud. Unset "
        "LAB_TARGET first.",
    ),
    Explanation(
        name="AWS is asked too often",
        pattern=r"TooManyRequestsException|Throttl(ing|ed)|Rate exceeded|RequestLimitExceeded",
        means="More calls came than the account may make in a second. In a room full of "
        "learners the account's limits are shared.",
        where="Any step on AWS.",
        cure="Run the cell again. boto3 has tried three times already, so wait some seconds.",
        example="An error occurred (Throttling) when calling the CreateRole operation (reached "
        "max retries: 2): Rate exceeded",
        local=False,
    ),
    Explanation(
        name="A thing of that name exists already",
        pattern=r"EntityAlreadyExists|ResourceAlreadyExists|ResourceConflict|ConflictException",
        means="A role, a log group or something else bears the name already.",
        where="Any chapter that makes something, if you took the except branch away.",
        cure="Catch the exception and use what is there, as the chapter does; or delete it "
        "first. `lab check 00` says whether it is as it should be.",
        example="An error occurred (EntityAlreadyExists) when calling the CreateRole operation: "
        "Role with name take_order-role-us-east-1 already exists.",
    ),
    Explanation(
        name="Something does not exist",
        pattern=r"ResourceNotFound|NotFoundException|\(NotFound\)|NoSuchEntity|does not exist",
        means="What the call names is not there: not made yet, deleted, in another region or "
        "under another LAB_PREFIX.",
        where="Any chapter, after a teardown or with other settings than before.",
        cure="`lab check 00` (or the number of your chapter) lists what is missing; "
        "`lab goto 03` makes what comes before chapter 03.",
        example="An error occurred (NoSuchEntity) when calling the GetRole operation: The role "
        "with name take_order-role-us-east-1 cannot be found.",
    ),
)


def explain(text: str, *, local: bool = False) -> Explanation | None:
    """The entry for an error, however much stands around it; None if there is none.

    `local` says that it came, or is likely to have come, from the local cloud.
    """
    local = local and not re.search(_FROM_AWS, text)
    plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())  # no colors, no line breaks
    starts = [found.start() for found in re.finditer(_START, plain)]
    for candidate in (plain[starts[-1] :] if starts else plain, plain):
        for entry in EXPLANATIONS:
            if entry.local_only and not local:
                continue
            if re.search(entry.pattern, candidate, re.IGNORECASE):
                return entry
    return None


_FROM_AWS = r"LAB_TARGET is aws|\.amazonaws\.com"
# Where an error begins: AWS's in Python, any other exception, an answer of the API.
_START = r"An error occurred \(|\b[A-Z]\w*(?:Error|Exception): |\b[45]\d\d [{<]"


def describe(entry: Explanation, width: int | None = None) -> str:
    """The entry as text for a terminal of that width; without one, a line for each part."""
    wrap = textwrap.TextWrapper(width or 0, subsequent_indent=" " * 7, break_on_hyphens=False)
    lines = [entry.name]
    for head, body in (("Means", entry.means), ("Where", entry.where), ("Cure", entry.cure)):
        line = f"{head + ':':7}{body}"
        lines.append(wrap.fill(line) if width else line)
    return "\n".join(lines)


def terminal_width() -> int:
    """How wide text is set: as the terminal, but not so wide that it is hard to read."""
    return min(shutil.get_terminal_size().columns, 90)


def page() -> str:
    """The troubleshooting page, in Markdown."""
    contents = [f"- [{entry.name}](#{_anchor(entry.name)})" for entry in EXPLANATIONS]
    return "\n".join([_HEAD, *contents, "", *map(_section, EXPLANATIONS)])


_HEAD = """\
<!-- Generated from lab/course/explain.py. Change it there, not here. -->

# Troubleshooting

The errors that you may meet, what they mean, and what mends them. `lab explain` looks an
error up for you: alone it takes the last one that a chapter met; otherwise paste the error
after it, or pipe it in.
"""


def _section(entry: Explanation) -> str:
    aws_only = "" if entry.local else "*On AWS only: the local cloud does not make this error.*\n\n"
    if entry.local_only:
        aws_only = "*From the local cloud; AWS means something else by it.*\n\n"
    return (
        f"## {entry.name}\n\n```text\n{entry.example}\n```\n\n{aws_only}"
        f"**Means:** {entry.means}\n\n**Where:** {entry.where}\n\n**Cure:** {entry.cure}\n"
    )


def _anchor(name: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")
