// QueryCache
