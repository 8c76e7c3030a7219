DROP TABLE proxy_session;
DROP TABLE platform_user;
