/* Numbers of calls that abi.h does not have yet. */
#ifndef FISHPLATE_PENDING_H
#define FISHPLATE_PENDING_H
#ifndef FP_SYS_REMOTECALL
#define FP_SYS_REMOTECALL 507
#endif
#ifndef FP_SYS_REMSTRCALL
#define FP_SYS_REMSTRCALL 508
#endif
#ifndef FP_SYS_BAN
#define FP_SYS_BAN 513
#endif
#ifndef FP_SYS_ERROR_TEXT
#define FP_SYS_ERROR_TEXT 546
#endif
#ifndef FP_SYS_NOW
#define FP_SYS_NOW 550
#endif
#ifndef FP_SYS_MONOTONIC
#define FP_SYS_MONOTONIC 551
#endif
#ifndef FP_SYS_RANDOM
#define FP_SYS_RANDOM 552
#endif
#ifndef FP_SYS_LOG_FIELD
#define FP_SYS_LOG_FIELD 553
#endif
#ifndef FP_SYS_COUNTER_ADD
#define FP_SYS_COUNTER_ADD 554
#endif
#ifndef FP_SYS_SPAN_BEGIN
#define FP_SYS_SPAN_BEGIN 555
#endif
#ifndef FP_SYS_SPAN_END
#define FP_SYS_SPAN_END 556
#endif
#ifndef FP_SYS_LOG_LEVEL
#define FP_SYS_LOG_LEVEL 557
#endif
#ifndef FP_SYS_CLIENT_ADDRESS
#define FP_SYS_CLIENT_ADDRESS 600
#endif
#ifndef FP_SYS_CLIENT_PORT
#define FP_SYS_CLIENT_PORT 601
#endif
#ifndef FP_SYS_LOCAL_ADDRESS
#define FP_SYS_LOCAL_ADDRESS 602
#endif
#ifndef FP_SYS_SCHEME
#define FP_SYS_SCHEME 603
#endif
#ifndef FP_SYS_TLS_FACT
#define FP_SYS_TLS_FACT 604
#endif
#ifndef FP_SYS_REQUEST_ID
#define FP_SYS_REQUEST_ID 605
#endif
#ifndef FP_SYS_TENANT_NAME
#define FP_SYS_TENANT_NAME 606
#endif
#ifndef FP_SYS_QUERY_GET
#define FP_SYS_QUERY_GET 607
#endif
#ifndef FP_SYS_QUERY_SET
#define FP_SYS_QUERY_SET 608
#endif
#ifndef FP_SYS_QUERY_UNSET
#define FP_SYS_QUERY_UNSET 609
#endif
#ifndef FP_SYS_COOKIE_GET
#define FP_SYS_COOKIE_GET 610
#endif
#ifndef FP_SYS_PATH
#define FP_SYS_PATH 611
#endif
#ifndef FP_SYS_PATH_SEGMENT
#define FP_SYS_PATH_SEGMENT 612
#endif
#ifndef FP_SYS_HOST
#define FP_SYS_HOST 613
#endif
#ifndef FP_SYS_FIELD_VALUE
#define FP_SYS_FIELD_VALUE 614
#endif
#ifndef FP_SYS_FIELD_REPLACE
#define FP_SYS_FIELD_REPLACE 615
#endif
#ifndef FP_SYS_FIELD_REMOVE
#define FP_SYS_FIELD_REMOVE 616
#endif
#ifndef FP_SYS_HEADERS
#define FP_SYS_HEADERS 617
#endif
#ifndef FP_SYS_BACKEND_COUNT
#define FP_SYS_BACKEND_COUNT 618
#endif
#ifndef FP_SYS_BACKEND_STATE
#define FP_SYS_BACKEND_STATE 619
#endif
#ifndef FP_SYS_BACKEND_INDEX
#define FP_SYS_BACKEND_INDEX 620
#endif
#ifndef FP_SYS_CHOOSE_BACKEND
#define FP_SYS_CHOOSE_BACKEND 621
#endif
#ifndef FP_SYS_CHOOSE_SERVER
#define FP_SYS_CHOOSE_SERVER 622
#endif
#ifndef FP_SYS_FETCH
#define FP_SYS_FETCH 623
#endif
#ifndef FP_SYS_FETCH_WAIT
#define FP_SYS_FETCH_WAIT 624
#endif
#ifndef FP_SYS_FETCH_STATUS
#define FP_SYS_FETCH_STATUS 625
#endif
#ifndef FP_SYS_FETCH_FIELD
#define FP_SYS_FETCH_FIELD 626
#endif
#ifndef FP_SYS_FETCH_READ
#define FP_SYS_FETCH_READ 627
#endif
#ifndef FP_SYS_FETCH_CLOSE
#define FP_SYS_FETCH_CLOSE 628
#endif
#ifndef FP_SYS_FETCH_HEADERS
#define FP_SYS_FETCH_HEADERS 629
#endif
#ifndef FP_SYS_KV_GET
#define FP_SYS_KV_GET 640
#endif
#ifndef FP_SYS_KV_VERSION
#define FP_SYS_KV_VERSION 641
#endif
#ifndef FP_SYS_KV_SET
#define FP_SYS_KV_SET 642
#endif
#ifndef FP_SYS_KV_CAS
#define FP_SYS_KV_CAS 643
#endif
#ifndef FP_SYS_KV_ADD
#define FP_SYS_KV_ADD 644
#endif
#ifndef FP_SYS_KV_DELETE
#define FP_SYS_KV_DELETE 645
#endif
#ifndef FP_SYS_KV_LIST
#define FP_SYS_KV_LIST 646
#endif
#ifndef FP_SYS_KV_STAT
#define FP_SYS_KV_STAT 647
#endif
#ifndef FP_SYS_JSON_VALID
#define FP_SYS_JSON_VALID 650
#endif
#ifndef FP_SYS_JSON_GET
#define FP_SYS_JSON_GET 651
#endif
#ifndef FP_SYS_JSON_TYPE
#define FP_SYS_JSON_TYPE 652
#endif
#ifndef FP_SYS_JSON_COUNT
#define FP_SYS_JSON_COUNT 653
#endif
#ifndef FP_SYS_JSON_QUOTE
#define FP_SYS_JSON_QUOTE 654
#endif
#ifndef FP_SYS_JSON_SET
#define FP_SYS_JSON_SET 655
#endif
#ifndef FP_SYS_XML_VALID
#define FP_SYS_XML_VALID 660
#endif
#ifndef FP_SYS_XML_GET
#define FP_SYS_XML_GET 661
#endif
#ifndef FP_SYS_XML_COUNT
#define FP_SYS_XML_COUNT 662
#endif
#ifndef FP_SYS_XML_ESCAPE
#define FP_SYS_XML_ESCAPE 663
#endif
#ifndef FP_SYS_CACHE_GET
#define FP_SYS_CACHE_GET 670
#endif
#ifndef FP_SYS_CACHE_PUT
#define FP_SYS_CACHE_PUT 671
#endif
#ifndef FP_SYS_CACHE_DELETE
#define FP_SYS_CACHE_DELETE 672
#endif
#ifndef FP_SYS_CACHE_PURGE_TAG
#define FP_SYS_CACHE_PURGE_TAG 673
#endif
#ifndef FP_SYS_FORGE_STREAM
#define FP_SYS_FORGE_STREAM 680
#endif
#ifndef FP_SYS_BODY_READ
#define FP_SYS_BODY_READ 681
#endif
#ifndef FP_SYS_RESPONSE_BEGIN
#define FP_SYS_RESPONSE_BEGIN 682
#endif
#ifndef FP_SYS_BODY_WRITE
#define FP_SYS_BODY_WRITE 683
#endif
#ifndef FP_SYS_BODY_LENGTH
#define FP_SYS_BODY_LENGTH 684
#endif
#ifndef FP_SYS_HMAC
#define FP_SYS_HMAC 690
#endif
#ifndef FP_SYS_VERIFY
#define FP_SYS_VERIFY 691
#endif
#ifndef FP_SYS_AEAD_SEAL
#define FP_SYS_AEAD_SEAL 692
#endif
#ifndef FP_SYS_AEAD_OPEN
#define FP_SYS_AEAD_OPEN 693
#endif
#ifndef FP_SYS_HASH
#define FP_SYS_HASH 694
#endif
#ifndef FP_SYS_JWT_VERIFY
#define FP_SYS_JWT_VERIFY 695
#endif
#ifndef FP_SYS_BASE64_ENCODE
#define FP_SYS_BASE64_ENCODE 700
#endif
#ifndef FP_SYS_BASE64_TEXT_DECODE
#define FP_SYS_BASE64_TEXT_DECODE 701
#endif
#ifndef FP_SYS_PERCENT_ENCODE
#define FP_SYS_PERCENT_ENCODE 702
#endif
#ifndef FP_SYS_PERCENT_DECODE
#define FP_SYS_PERCENT_DECODE 703
#endif
#ifndef FP_SYS_HEX_ENCODE
#define FP_SYS_HEX_ENCODE 704
#endif
#ifndef FP_SYS_HEX_DECODE
#define FP_SYS_HEX_DECODE 705
#endif
#ifndef FP_SYS_GLOB
#define FP_SYS_GLOB 710
#endif
#ifndef FP_SYS_REGEX_GROUPS
#define FP_SYS_REGEX_GROUPS 711
#endif
#ifndef FP_SYS_REGEX_INFO
#define FP_SYS_REGEX_INFO 712
#endif
#ifndef FP_E_NONE
#define FP_E_NONE (-1)
#endif
#ifndef FP_E_INVALID
#define FP_E_INVALID (-2)
#endif
#ifndef FP_E_LIMIT
#define FP_E_LIMIT (-3)
#endif
#ifndef FP_E_TIME
#define FP_E_TIME (-4)
#endif
#ifndef FP_E_FAILED
#define FP_E_FAILED (-5)
#endif
#ifndef FP_E_DENIED
#define FP_E_DENIED (-6)
#endif
#ifndef FP_E_CONFLICT
#define FP_E_CONFLICT (-7)
#endif
#ifndef FP_E_STAGE
#define FP_E_STAGE (-8)
#endif
#endif
