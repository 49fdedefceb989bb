package import QueryProxy

extension QueryProxy: RequestHandler {}
