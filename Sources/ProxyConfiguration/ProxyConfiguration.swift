// ProxyConfiguration
